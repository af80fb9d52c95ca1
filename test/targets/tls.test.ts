import { once } from 'node:events'
import http2 from 'node:http2'
import https from 'node:https'
import net, { type AddressInfo } from 'node:net'
import { Duplex } from 'node:stream'
import tls from 'node:tls'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { getLinger, getOption, setLinger, setOption } from '../../lib/index.js'
import { certificate } from '../support/certificate.js'
import { errorOf } from '../support/errors.js'
import { probe } from '../support/probe-option.js'
import { connected, destroyAtEnd, listening, portOf, tcpPair } from '../support/sockets.js'
import { isLinux } from '../support/system.js'

let identity: { key: string; cert: string }
beforeAll(async () => {
  identity = await certificate()
})

async function tlsServer(): Promise<tls.Server> {
  return listening(tls.createServer(identity))
}

function clientOptions(server: net.Server): tls.ConnectionOptions {
  const { port } = server.address() as AddressInfo
  return { port, host: '127.0.0.1', rejectUnauthorized: false }
}

describe('tls.TLSSocket', () => {
  test('client and server side', async () => {
    const server = await tlsServer()
    const accepting = once(server, 'secureConnection') as Promise<[tls.TLSSocket]>
    const client = tls.connect(clientOptions(server))
    destroyAtEnd(client)
    const [[accepted]] = await Promise.all([accepting, once(client, 'secureConnect')])
    setOption(client, probe.name, 77)
    setOption(accepted, probe.name, 78)
    expect(getOption(client, probe.name)).toBe(77)
    expect(getOption(accepted, probe.name)).toBe(78)
  })

  test('still connecting: kept, and there before connect(2)', async () => {
    const client = tls.connect(clientOptions(await tlsServer()))
    destroyAtEnd(client)
    // EINVAL once connect(2) has begun.
    if (isLinux) setOption(client, 'TCP_FASTOPEN_CONNECT', true)
    setLinger(client, 3000)
    await once(client, 'secureConnect')
    if (isLinux) expect(getOption(client, 'TCP_FASTOPEN_CONNECT')).toBe(true)
    expect(getLinger(client)).toBe(3000)
  })

  test('above a net.Socket that is connected', async () => {
    const server = await tlsServer()
    const below = await connected({ port: portOf(server), host: '127.0.0.1' })
    const client = tls.connect({ socket: below, rejectUnauthorized: false })
    destroyAtEnd(client)
    await once(client, 'secureConnect')
    setOption(client, probe.name, 77)
    expect(getOption(below, probe.name)).toBe(77)
  })

  test('above a net.Socket that still connects', async () => {
    const server = await tlsServer()
    const below = net.connect(portOf(server), '127.0.0.1')
    const client = tls.connect({ socket: below, rejectUnauthorized: false })
    destroyAtEnd(client)
    setOption(client, probe.name, 77)
    await once(client, 'secureConnect')
    expect(getOption(client, probe.name)).toBe(77)
  })

  test('above a stream that is no socket: an error that says so', () => {
    const stream = new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() })
    const client = new tls.TLSSocket(stream)
    onTestFinished(() => void client.destroy())
    for (const call of [
      () => getLinger(client),
      () => {
        setLinger(client, 0)
      },
    ]) {
      const error = errorOf(call)
      expect(error.code).toBe('ERR_INVALID_ARG_VALUE')
      expect(error.message).toContain('runs over a stream that is no socket')
    }
  })

  test('destroyed', async () => {
    const client = tls.connect(clientOptions(await tlsServer()))
    destroyAtEnd(client)
    await once(client, 'secureConnect')
    client.destroy()
    expect(errorOf(() => getLinger(client)).code).toBe('ERR_SOCKET_CLOSED')
  })

  test('whose socket below was destroyed', async () => {
    const { client: below } = await tcpPair()
    const client = tls.connect({ socket: below, rejectUnauthorized: false })
    destroyAtEnd(client)
    below.destroy()
    expect(errorOf(() => getLinger(client)).code).toMatch(/ERR_SOCKET_(CLOSED|NOT_OPEN)/)
    await once(client, 'close')
    expect(errorOf(() => getLinger(client)).code).toBe('ERR_SOCKET_CLOSED')
  })
})

describe('servers', () => {
  const makers = {
    tls: () => tls.createServer(identity),
    https: () => https.createServer(identity),
    'http2 over TLS': () => http2.createSecureServer(identity),
    'http2 in clear': () => http2.createServer(),
  }

  test.for(Object.entries(makers))('%s', async ([, make]) => {
    const server = await listening<net.Server>(make())
    setOption(server, probe.name, 77)
    expect(getOption(server, probe.name)).toBe(77)
  })
})

describe('http2 sessions', () => {
  test('the socket of both sessions', async () => {
    const server = await listening<net.Server>(http2.createServer())
    const accepting = once(server, 'session') as Promise<[http2.ServerHttp2Session]>
    const session = http2.connect(`http://127.0.0.1:${portOf(server)}`)
    onTestFinished(() => session.destroy())
    const [[accepted]] = await Promise.all([accepting, once(session, 'connect')])
    for (const { socket } of [session, accepted]) {
      setOption(socket, probe.name, 77)
      expect(getOption(socket, probe.name)).toBe(77)
    }
  })

  test('still connecting', async () => {
    const server = await listening<net.Server>(http2.createServer())
    const session = http2.connect(`http://127.0.0.1:${portOf(server)}`)
    onTestFinished(() => session.destroy())
    setOption(session.socket, probe.name, 77)
    await once(session, 'connect')
    expect(getOption(session.socket, probe.name)).toBe(77)
  })

  test('still connecting, and the kernel refuses: the session ends with the error', async () => {
    const server = await listening<net.Server>(http2.createServer())
    const session = http2.connect(`http://127.0.0.1:${portOf(server)}`)
    onTestFinished(() => session.destroy())
    setOption(session.socket, probe.name, probe.refused)
    const [error] = (await once(session, 'error')) as [Error & Record<string, unknown>]
    expect(error).toMatchObject({ code: 'EINVAL', option: probe.name })
  })
})
