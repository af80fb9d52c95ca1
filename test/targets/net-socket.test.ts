import { once } from 'node:events'
import http from 'node:http'
import net from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import {
  getKeepAlive,
  getLinger,
  getOption,
  getOptions,
  isSupported,
  options,
  type ReadableOption,
  setKeepAlive,
  setLinger,
  setOption,
  setOptions,
  setsockopt,
  type SocketTarget,
} from '../../lib/index.js'
import { platform } from '../../lib/platform.js'
import { levelNumbers } from '../../lib/resolve.js'
import { errorOf } from '../support/errors.js'
import { probe } from '../support/probe-option.js'
import { connected, destroyAtEnd, listening, portOf, tcpPair } from '../support/sockets.js'
import { isLinux, isWindows } from '../support/system.js'
import { temporaryPath } from '../support/files.js'

/** Sets an option that no socket has by itself, and reads it back. */
function expectUsable(target: SocketTarget): void {
  expect(getOption(target, probe.name)).toBe(probe.initial)
  setOption(target, probe.name, 77)
  expect(getOption(target, probe.name)).toBe(77)
}

describe('net.Socket', () => {
  test('a connected client', async () => {
    expectUsable((await tcpPair()).client)
  })

  test('an accepted socket', async () => {
    expectUsable((await tcpPair()).accepted)
  })

  test('an accepted socket is another socket than its client', async () => {
    const { client, accepted } = await tcpPair()
    setOption(client, probe.name, 77)
    expect(getOption(accepted, probe.name)).toBe(probe.initial)
  })

  test('a paused socket', async () => {
    const { accepted } = await tcpPair()
    accepted.pause()
    expectUsable(accepted)
  })

  test('a half-closed socket', async () => {
    const server = await listening(net.createServer({ allowHalfOpen: true }))
    const client = await connected({ port: portOf(server), host: '127.0.0.1', allowHalfOpen: true })
    client.end()
    await once(client, 'finish')
    expectUsable(client)
  })

  test('an unref()ed socket', async () => {
    const { client } = await tcpPair()
    client.unref()
    expectUsable(client)
  })

  test('an IPv6 socket', async () => {
    const { client } = await tcpPair('::1')
    // The probe is an IPv4 option on Windows.
    if (!isWindows) expectUsable(client)
    expect(getOption(client, 'IPV6_UNICAST_HOPS')).not.toBe(33)
    setOption(client, 'IPV6_UNICAST_HOPS', 33)
    expect(getOption(client, 'IPV6_UNICAST_HOPS')).toBe(33)
  })

  test.skipIf(isWindows)(
    'a Unix socket has the options of its kind, and refuses those of TCP',
    async () => {
      const path = temporaryPath('unix.sock')
      await listening(net.createServer(), { path })
      const client = await connected({ path })
      setLinger(client, 3000)
      expect(getLinger(client)).toBe(3000)
      expect(errorOf(() => getOption(client, 'TCP_KEEPIDLE')).code).toMatch(
        /EOPNOTSUPP|ENOPROTOOPT/,
      )
    },
  )
})

describe('a socket that is still connecting', () => {
  test('keeps options and has them before its own connect listener runs', async () => {
    const server = await listening(net.createServer())
    const client = net.connect(portOf(server), '127.0.0.1')
    destroyAtEnd(client)
    const seen = new Promise((resolve) => {
      client.on('connect', () => resolve([getOption(client, probe.name), getLinger(client)]))
    })
    setOption(client, probe.name, 77)
    setLinger(client, 3000)
    expect(await seen).toEqual([77, 3000])
  })

  test.runIf(isLinux)(
    'has them before connect(2): TCP_SYNCNT is refused by nobody and the buffer sets the window',
    async () => {
      const server = await listening(net.createServer())
      const client = net.connect(portOf(server), '127.0.0.1')
      destroyAtEnd(client)
      // TCP_FASTOPEN_CONNECT is EINVAL once connect(2) has begun.
      setOptions(client, { TCP_SYNCNT: 2, TCP_FASTOPEN_CONNECT: true })
      await once(client, 'connect')
      expect(getOption(client, 'TCP_SYNCNT')).toBe(2)
      expect(getOption(client, 'TCP_FASTOPEN_CONNECT')).toBe(true)
    },
  )

  test('has them on every attempt: the address that answers is not the first', async () => {
    const server = await listening(net.createServer(), { port: 0, host: '127.0.0.1' })
    const client = net.connect({
      port: portOf(server),
      host: 'two-addresses.test',
      autoSelectFamily: true,
      lookup: (_host, _options, callback) => {
        const addresses = [
          { address: '::1', family: 6 },
          { address: '127.0.0.1', family: 4 },
        ]
        setImmediate(() => callback(null, addresses))
      },
    })
    destroyAtEnd(client)
    const attempts: number[] = []
    client.on('connectionAttempt', (_address, _port, family) => {
      attempts.push(family)
      // While an attempt runs, an option is for this attempt and for those that follow.
      if (family === 6) process.nextTick(() => setOption(client, probe.second, probe.secondValue))
    })
    setOption(client, probe.name, 77)
    await once(client, 'connect')
    expect(attempts).toEqual([6, 4])
    expect(getOption(client, probe.name)).toBe(77)
    expect(getOption(client, probe.second)).toBe(probe.secondValue)
  })

  test('a local address does not lose them', async () => {
    const server = await listening(net.createServer())
    const client = net.connect({
      port: portOf(server),
      host: '127.0.0.1',
      localAddress: '127.0.0.2',
    })
    destroyAtEnd(client)
    setOption(client, probe.name, 77)
    await once(client, 'connect')
    expect(client.localAddress).toBe('127.0.0.2')
    expect(getOption(client, probe.name)).toBe(77)
  })

  test.skipIf(isWindows)('a Unix socket', async () => {
    const path = temporaryPath('unix.sock')
    await listening(net.createServer(), { path })
    const client = net.connect(path)
    destroyAtEnd(client)
    const seen = new Promise((resolve) => {
      client.on('connect', () => resolve(getLinger(client)))
    })
    setLinger(client, 3000)
    expect(await seen).toBe(3000)
  })

  test('what net.connect() was told of keep-alive does not win', async () => {
    const server = await listening(net.createServer())
    const client = net.connect({
      port: portOf(server),
      host: '127.0.0.1',
      keepAlive: true,
      keepAliveInitialDelay: 1000,
      noDelay: true,
    })
    destroyAtEnd(client)
    const keepAlive = { TCP_KEEPIDLE: 77, TCP_KEEPINTVL: 33, TCP_KEEPCNT: 5 }
    const values = { ...(isSupported('TCP_KEEPIDLE') && keepAlive), SO_KEEPALIVE: false }
    setOptions(client, values)
    setOption(client, 'TCP_NODELAY', false)
    await once(client, 'connect')
    const names = [...Object.keys(values), 'TCP_NODELAY'] as ReadableOption[]
    expect(getOptions(client, names)).toEqual({ ...values, TCP_NODELAY: false })
  })

  test.runIf(isSupported('TCP_KEEPIDLE'))('nor what an http.Agent sets', async () => {
    const server = await listening(http.createServer((_request, response) => response.end()))
    const agent = new http.Agent({ keepAlive: true })
    onTestFinished(() => agent.destroy())
    const request = http.get({ port: portOf(server), host: '127.0.0.1', agent })
    const [client] = (await once(request, 'socket')) as [net.Socket]
    setKeepAlive(client, { idle: 30_000, interval: 5000, count: 3 })
    await once(client, 'connect')
    expect(getKeepAlive(client)).toEqual({ idle: 30_000, interval: 5000, count: 3 })
    const [response] = (await once(request, 'response')) as [http.IncomingMessage]
    response.resume()
  })

  test('raw options are kept as well', async () => {
    const server = await listening(net.createServer())
    const client = net.connect(portOf(server), '127.0.0.1')
    destroyAtEnd(client)
    const { level, number = 0 } = options[probe.name]
    setsockopt(client, levelNumbers[platform][level], number, 77)
    await once(client, 'connect')
    expect(getOption(client, probe.name)).toBe(77)
  })

  test('is destroyed with the error when the kernel refuses', async () => {
    const server = await listening(net.createServer())
    const client = net.connect(portOf(server), '127.0.0.1')
    let connects = 0
    client.on('connect', () => connects++)
    setOption(client, probe.name, probe.refused)
    const [error] = (await once(client, 'error')) as [Error & Record<string, unknown>]
    expect(error).toMatchObject({ code: 'EINVAL', syscall: 'setsockopt', option: probe.name })
    expect(client.destroyed).toBe(true)
    await once(client, 'close')
    expect(connects).toBe(0)
  })

  test('wrong values are refused at once, not later', async () => {
    const server = await listening(net.createServer())
    const client = net.connect(portOf(server), '127.0.0.1')
    destroyAtEnd(client)
    expect(errorOf(() => setOption(client, probe.name, 1.5)).code).toBe('ERR_OUT_OF_RANGE')
    await once(client, 'connect')
  })

  test('cannot be read', () => {
    const client = new net.Socket()
    onTestFinished(() => void client.destroy())
    const error = errorOf(() => getOption(client, probe.name))
    expect(error).toMatchObject({ code: 'ERR_SOCKET_NOT_OPEN' })
  })

  test('an option set before connect() is called counts as well', async () => {
    const server = await listening(net.createServer())
    const client = new net.Socket()
    destroyAtEnd(client)
    setOption(client, probe.name, 77)
    client.connect(portOf(server), '127.0.0.1')
    await once(client, 'connect')
    expect(getOption(client, probe.name)).toBe(77)
  })
})

describe('a socket that is gone', () => {
  test('destroyed: ERR_SOCKET_CLOSED to set, to read and in a batch', async () => {
    const { client } = await tcpPair()
    client.destroy()
    expect(errorOf(() => setOption(client, probe.name, 77)).code).toBe('ERR_SOCKET_CLOSED')
    expect(errorOf(() => getOption(client, probe.name)).code).toBe('ERR_SOCKET_CLOSED')
    expect(errorOf(() => setOptions(client, { [probe.name]: 77 })).code).toBe('ERR_SOCKET_CLOSED')
  })

  test('a failed connection', async () => {
    const server = await listening(net.createServer())
    const port = portOf(server)
    server.close()
    await once(server, 'close')
    const client = net.connect(port, '127.0.0.1')
    setOption(client, probe.name, 77)
    const [error] = (await once(client, 'error')) as [Error & Record<string, unknown>]
    expect(error.code).toBe('ECONNREFUSED')
    expect(errorOf(() => getOption(client, probe.name)).code).toBe('ERR_SOCKET_CLOSED')
  })
})
