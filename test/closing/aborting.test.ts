/** resetConnection() and disconnect(): on Linux two ways to the same end. */
import { once } from 'node:events'
import http2 from 'node:http2'
import net from 'node:net'
import tls from 'node:tls'
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { disconnect, listenWithBacklog, resetConnection } from '../../lib/index.js'
import { certificate } from '../support/certificate.js'
import { type Ends, endsOf, mebibyte, statesBetween, timeWaitOf } from '../support/closing.js'
import { errorOf } from '../support/errors.js'
import { localPath } from '../support/files.js'
import { hasPython, usePeers } from '../support/peer.js'
import { runProgram } from '../support/program.js'
import { closeAtEnd, connected, destroyAtEnd, listening, portOf } from '../support/sockets.js'
import { isWindows } from '../support/system.js'
import { tlsEnds } from '../support/tls.js'
import { until } from '../support/until.js'

let pem: { key: string; cert: string }
beforeAll(async () => {
  pem = await certificate()
})

const verbs = { resetConnection, disconnect }

interface Situation {
  name: string
  arrange: (ends: Ends) => Promise<unknown> | undefined
  peerGets: Awaited<ReturnType<Ends['peer']['read']>> | { then: string }
  options?: net.ServerOpts
}

const nothing = { size: 0, head: '', then: 'ECONNRESET' } as const

const situations: Situation[] = [
  { name: 'an idle connection', arrange: () => undefined, peerGets: nothing },
  {
    name: 'data that has arrived is read first',
    arrange: ({ ours }) => new Promise((resolve) => ours.write('last words', resolve)),
    peerGets: { size: 10, head: 'last words', then: 'ECONNRESET' },
  },
  {
    name: 'data that was written in the same breath',
    arrange: ({ ours }) => void ours.write('last words'),
    peerGets: { size: 10, head: 'last words', then: 'ECONNRESET' },
  },
  {
    name: 'with unread data',
    async arrange({ peer }) {
      await peer.send(1000)
      await sleep(20)
    },
    options: { pauseOnConnect: true },
    peerGets: nothing,
  },
  {
    name: 'while data comes in',
    async arrange({ ours, peer }) {
      ours.resume()
      await peer.send(100_000)
    },
    peerGets: nothing,
  },
  {
    name: 'when the peer has ended',
    async arrange({ ours, peer }) {
      await Promise.all([once(ours.resume(), 'end'), peer.finish()])
    },
    options: { allowHalfOpen: true },
    peerGets: { size: 0, head: '', then: 'ECONNRESET' },
  },
]

describe.skipIf(!hasPython).each(Object.entries(verbs))(
  '%s (skipped where python3 is missing)',
  (name, verb) => {
    const connect = usePeers()

    test.for(situations)('$name', async ({ arrange, peerGets, options }) => {
      const ends = await endsOf(connect, options)
      await arrange(ends)
      verb(ends.ours)
      expect(ends.ours.destroyed).toBe(true)
      const [hadError] = (await once(ends.ours, 'close')) as [boolean]
      expect(hadError).toBe(false)
      expect(ends.errors).toEqual([])
      // At once, in both directions, and for good.
      expect(statesBetween(portOf(ends.server), ends.peer.port)).toEqual([undefined, undefined])
      expect(await ends.peer.read()).toEqual(peerGets)
      await ends.peer.close()
      expect(await timeWaitOf(portOf(ends.server), ends.peer.port)).toBe('nobody')
    })

    test('what the peer has no room for is lost, in the kernel and in Node', async () => {
      const ends = await endsOf(connect)
      ends.ours.write(Buffer.alloc(16 * mebibyte))
      expect(ends.ours.writableLength).toBeGreaterThan(0)
      verb(ends.ours)
      await once(ends.ours, 'close')
      expect(ends.errors).toEqual([])
      const { size, then } = await ends.peer.read()
      expect(then).toBe('ECONNRESET')
      expect(size).toBeGreaterThan(0)
      expect(size).toBeLessThan(4 * mebibyte)
    })

    test('after end(): the peer sees the end, and the RST behind it', async () => {
      const ends = await endsOf(connect, { allowHalfOpen: true })
      ends.ours.end('bye')
      await until(() => statesBetween(portOf(ends.server), ends.peer.port)[0] === 'FIN_WAIT2')
      verb(ends.ours)
      await once(ends.ours, 'close')
      expect(await ends.peer.read()).toEqual({ size: 3, head: 'bye', then: 'end' })
      expect(await timeWaitOf(portOf(ends.server), ends.peer.port)).toBe('nobody')
      if (name === 'resetConnection') expect(await ends.peer.error()).toBe('EPIPE')
    })
  },
)

describe.each(Object.entries(verbs))('%s', (name, verb) => {
  // On Windows disconnect() is an orderly close: who has TIME_WAIT is a matter of time.
  const nobody =
    isWindows && verb === disconnect ? expect.stringMatching(/^(ours|theirs|nobody)$/) : 'nobody'

  test.for(['client', 'accepted'] as const)('TLS, the %s end', async (side) => {
    const { server, client, accepted } = await tlsEnds(pem)
    const port = portOf(server)
    const [near, far] = side === 'client' ? [client, accepted] : [accepted, client]
    far.write('read me')
    near.pause()
    await sleep(20)
    near.write('hello')
    const hello = once(far, 'data')
    expect(String((await hello)[0])).toBe('hello')
    const errors: unknown[] = []
    near.on('error', (error) => errors.push(error))
    const theirPort = client.localPort ?? 0
    // Node 20 reports a RST as an end if the data came right before it.
    const gone = Promise.all([once(near, 'close'), once(far, 'close').catch(() => undefined)])
    verb(near)
    await gone
    expect(errors).toEqual([])
    expect(await timeWaitOf(port, theirPort)).toEqual(nobody)
  })

  test('TLS over a socket of the program’s own', async () => {
    const server = await listening(tls.createServer(pem))
    const socket = await connected({ port: portOf(server), host: '127.0.0.1' })
    const client = tls.connect({ socket, rejectUnauthorized: false })
    destroyAtEnd(client)
    await once(client, 'secureConnect')
    const ports = [portOf(server), socket.localPort ?? 0] as const
    const closing = Promise.all([once(client, 'close'), once(socket, 'close')])
    verb(client)
    await closing
    expect(await timeWaitOf(...ports)).toEqual(nobody)
  })

  test('the socket of an HTTP/2 session', async () => {
    const server = http2.createServer((_request, response) => response.end('ok'))
    await listening(server)
    const opening = once(server, 'session') as Promise<[http2.ServerHttp2Session]>
    const client = http2.connect(`http://127.0.0.1:${portOf(server)}`)
    onTestFinished(() => client.destroy())
    client.on('error', () => undefined)
    const clientClosed = new Promise((resolve) => client.on('close', resolve))
    const [[session]] = await Promise.all([opening, once(client, 'remoteSettings')])
    const theirPort = client.socket.localPort ?? 0
    const closing = once(session, 'close')
    verb(session.socket)
    await Promise.all([closing, clientClosed])
    expect(await timeWaitOf(portOf(server), theirPort)).toEqual(nobody)
  })

  test('a socket that still connects, whether it has a descriptor already or not', async () => {
    const server = net.createServer()
    closeAtEnd(server)
    await listenWithBacklog(server, { port: 0, host: '127.0.0.1', backlog: 511 })
    const client = net.connect(portOf(server), '127.0.0.1')
    destroyAtEnd(client)
    expect(errorOf(() => verb(client)).code).toBe('ERR_SOCKET_NOT_OPEN')
    // From the next tick on there is a descriptor, and the SYN is under way.
    await new Promise((resolve) => process.nextTick(resolve))
    expect(client.connecting).toBe(true)
    expect(errorOf(() => verb(client)).code).toBe('ERR_SOCKET_NOT_OPEN')
    await once(client, 'connect')
    verb(client)
    await once(client, 'close')
  })

  test('a destroyed one, and twice', async () => {
    const server = await listening(net.createServer())
    const client = await connected({ port: portOf(server), host: '127.0.0.1' })
    verb(client)
    expect(errorOf(() => verb(client)).code).toBe('ERR_SOCKET_CLOSED')
    await once(client, 'close')
    expect(errorOf(() => verb(client)).code).toBe('ERR_SOCKET_CLOSED')
  })

  test('a Unix socket has no RST', async () => {
    const path = localPath('unix.sock')
    await listening(net.createServer(), { path })
    const client = await connected({ path })
    const error = errorOf(() => verb(client))
    if (isWindows) {
      expect(error).toMatchObject({ code: 'ENOTSOCK' })
      expect(error.message).toContain('a named pipe of Windows is no socket')
    } else {
      expect(error).toMatchObject({ code: 'EOPNOTSUPP', syscall: name })
      expect(error.message).toContain('a Unix socket has no RST and no TIME_WAIT')
    }
    expect(client.destroyed).toBe(false)
  })

  test('what is no socket', () => {
    for (const what of [undefined, null, 5, {}, { fd: 5 }, net.createServer()]) {
      expect(errorOf(() => verb(what as any)).code).toBe('ERR_INVALID_ARG_TYPE')
    }
  })
})

test('no error goes unhandled, whatever is still to be read or written', async () => {
  const { stdout, stderr, status } = await runProgram(
    `
      import net from 'node:net'
      import tls from 'node:tls'
      import { once } from 'node:events'
      import { setTimeout as sleep } from 'node:timers/promises'
      import { disconnect, resetConnection } from 'net-sockopt'
      const pem = JSON.parse(process.argv.at(-1))
      let count = 0
      for (const verb of [resetConnection, disconnect]) {
        for (const secure of [false, true]) {
          for (const arrange of [
            () => {},
            (socket) => socket.write(Buffer.alloc(16 * 2 ** 20)),
            (socket) => socket.pause(),
            (socket) => socket.end('bye'),
            async (socket) => {
              socket.resume()
              await sleep(10)
            },
          ]) {
            const server = secure ? tls.createServer(pem) : net.createServer()
            server.listen(0, '127.0.0.1')
            await once(server, 'listening')
            const { port } = server.address()
            const options = { port, host: '127.0.0.1', rejectUnauthorized: false }
            const client = secure ? tls.connect(options) : net.connect(options)
            client.on('error', () => {})
            const [socket] = await once(server, secure ? 'secureConnection' : 'connection')
            client.write('read me')
            await arrange(socket)
            const closing = new Promise((resolve) => socket.on('close', resolve))
            verb(socket)
            await closing
            count++
            client.destroy()
            server.close()
          }
        }
      }
      console.log(count)
    `,
    { arguments: [JSON.stringify(pem)] },
  )
  expect(stderr).toBe('')
  expect(stdout).toBe('20\n')
  expect(status).toBe(0)
})
