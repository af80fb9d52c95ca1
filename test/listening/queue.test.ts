import { once } from 'node:events'
import http from 'node:http'
import net from 'node:net'
import { describe, expect, test } from 'vitest'
import { getAcceptQueue, getOption, listenWithBacklog, setBacklog } from '../../lib/index.js'
import { errorOf } from '../support/errors.js'
import { temporaryPath } from '../support/files.js'
import { QueueClients } from '../support/queue-clients.js'
import { closeAtEnd, listening, portOf, tcpPair } from '../support/sockets.js'
import { isWindows } from '../support/system.js'
import { until } from '../support/until.js'

describe.runIf(isWindows)('on Windows, which neither tells the queue nor changes it', () => {
  const unavailable = { code: 'ENOPROTOOPT' }

  test('getAcceptQueue, of a listener and of another socket', async () => {
    const { server, client } = await tcpPair()
    for (const target of [server, client]) {
      const error = errorOf(() => getAcceptQueue(target))
      expect(error).toMatchObject({ ...unavailable, syscall: 'getAcceptQueue' })
      expect(error.message).toContain('Windows has no way to ask')
    }
  })

  test('setBacklog: a wrong number is told first', async () => {
    const { server } = await tcpPair()
    const error = errorOf(() => setBacklog(server, 5))
    expect(error).toMatchObject({ ...unavailable, syscall: 'listen' })
    expect(error.message).toContain('Windows cannot change the backlog')
    expect(errorOf(() => setBacklog(server, -1)).code).toBe('ERR_OUT_OF_RANGE')
    expect(errorOf(() => setBacklog(net.createServer(), 5)).code).toBe('ERR_SOCKET_NOT_OPEN')
  })

  test('a named pipe', async () => {
    const server = await listening(net.createServer(), {
      path: String.raw`\\.\pipe\net-sockopt-queue`,
    })
    expect(errorOf(() => getAcceptQueue(server)).code).toBe('ENOTSOCK')
  })
})

describe.skipIf(isWindows)('getAcceptQueue (skipped on Windows)', () => {
  test.for([
    ['net', () => net.createServer()],
    ['http', () => http.createServer()],
  ] as const)('of a %s server that Node made listen', async ([, make]) => {
    const server = await listening<net.Server>(make(), { port: 0, host: '127.0.0.1', backlog: 7 })
    expect(getAcceptQueue(server)).toEqual({ length: 0, limit: 7 })
  })

  test('of a Unix socket', async () => {
    const server = await listening(net.createServer(), {
      path: temporaryPath('unix.sock'),
      backlog: 7,
    })
    expect(getAcceptQueue(server)).toEqual({ length: 0, limit: 7 })
  })

  test('counts what waits: backlog + 1 get in, the others do not, and all when there is room', async () => {
    const server = net.createServer()
    closeAtEnd(server)
    let accepted = 0
    server.on('connection', () => accepted++)
    await listenWithBacklog(server, { port: 0, host: '127.0.0.1', backlog: 2 })
    // The clients live in another thread; this one does not turn its loop, so nothing is accepted.
    using clients = new QueueClients(portOf(server), 5)
    clients.waitWhileBlocking(() => getAcceptQueue(server).length === 3)
    expect(getAcceptQueue(server)).toEqual({ length: 3, limit: 2 })
    expect(accepted).toBe(0)
    await until(() => accepted === 5)
    expect(getAcceptQueue(server).length).toBe(0)
  })

  test('a socket that does not listen is EINVAL, which says so', async () => {
    const { client } = await tcpPair()
    const error = errorOf(() => getAcceptQueue(client))
    expect(error.code).toBe('EINVAL')
    expect(error.message).toContain('does not listen')
  })

  test('a Unix socket that does not listen', async () => {
    const path = temporaryPath('unix.sock')
    await listening(net.createServer(), { path })
    const client = net.connect(path)
    await once(client, 'connect')
    expect(errorOf(() => getAcceptQueue(client)).code).toBe('EINVAL')
    client.destroy()
  })
})

describe.skipIf(isWindows)('setBacklog (skipped on Windows)', () => {
  test.for([0, 1, 100, 2000])('%s on a live server of Node’s own', async (backlog) => {
    const server = await listening(net.createServer())
    expect(getAcceptQueue(server).limit).toBe(511)
    setBacklog(server, backlog)
    expect(getAcceptQueue(server).limit).toBe(backlog)
  })

  test('on a Unix socket', async () => {
    const server = await listening(net.createServer(), { path: temporaryPath('unix.sock') })
    setBacklog(server, 3)
    expect(getAcceptQueue(server).limit).toBe(3)
  })

  test('lets waiting clients in at their next SYN, and a smaller one keeps what is queued', async () => {
    const server = net.createServer()
    closeAtEnd(server)
    await listenWithBacklog(server, { port: 0, host: '127.0.0.1', backlog: 0 })
    using clients = new QueueClients(portOf(server), 4)
    clients.waitWhileBlocking(() => getAcceptQueue(server).length === 1)
    setBacklog(server, 10)
    clients.waitWhileBlocking(() => getAcceptQueue(server).length === 4)
    setBacklog(server, 1)
    expect(getAcceptQueue(server)).toEqual({ length: 4, limit: 1 })
  })

  test('does not make a socket listen', async () => {
    const { client } = await tcpPair()
    expect(errorOf(() => setBacklog(client, 5)).code).toBe('EINVAL')
    expect(getOption(client, 'SO_ACCEPTCONN')).toBe(false)
  })

  test('does not make a bound socket listen', () => {
    const server = net.createServer()
    expect(errorOf(() => setBacklog(server, 5)).code).toBe('ERR_SOCKET_NOT_OPEN')
  })

  test.for([-1, 1.5, NaN, 2 ** 31])('%s is out of range', async (backlog) => {
    const server = await listening(net.createServer())
    expect(errorOf(() => setBacklog(server, backlog)).code).toBe('ERR_OUT_OF_RANGE')
    expect(getAcceptQueue(server).limit).toBe(511)
  })
})
