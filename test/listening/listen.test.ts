import { once } from 'node:events'
import { chmodSync, existsSync, statSync } from 'node:fs'
import http from 'node:http'
import http2 from 'node:http2'
import https from 'node:https'
import net, { type AddressInfo } from 'node:net'
import { networkInterfaces } from 'node:os'
import tls from 'node:tls'
import { describe, expect, test } from 'vitest'
import {
  getAcceptQueue,
  getKeepAlive,
  getLinger,
  getOption,
  getOptions,
  getUserTimeout,
  type ListenOptions,
  listenWithBacklog,
  setOption,
} from '../../lib/index.js'
import { errnoOf } from '../../lib/errors.js'
import { certificate } from '../support/certificate.js'
import { openedSince, openSockets } from '../support/descriptors.js'
import { rejectionOf } from '../support/errors.js'
import { temporaryPath } from '../support/files.js'
import { getText } from '../support/http.js'
import { refused } from '../support/listeners.js'
import { expectQueue } from '../support/queues.js'
import { closeAtEnd, connected, listening, portOf } from '../support/sockets.js'
import { isLinux, isWindows, isWine } from '../support/system.js'
import { until } from '../support/until.js'

const loopback = { port: 0, host: '127.0.0.1' }

async function listen(options: ListenOptions, server = net.createServer()): Promise<net.Server> {
  closeAtEnd(server)
  return listenWithBacklog(server, options)
}

function addressOf(server: net.Server): AddressInfo {
  return server.address() as AddressInfo
}

const unixless = '(skipped on Windows, where a path is a named pipe)'

describe.skipIf(isWindows)('the backlog (skipped on Windows, which does not tell)', () => {
  test.for([0, 1, 5, 511, 1000])('%s is exact', async (backlog) => {
    const server = await listen({ ...loopback, backlog })
    expect(getAcceptQueue(server)).toEqual({ length: 0, limit: backlog })
  })

  test.for([0, 1, 5])('%s is exact on a Unix socket', async (backlog) => {
    const server = await listen({ path: temporaryPath('unix.sock'), backlog })
    expect(getAcceptQueue(server)).toEqual({ length: 0, limit: backlog })
  })

  test('is 511 when it is left out, as in Node', async () => {
    expect(getAcceptQueue(await listen(loopback)).limit).toBe(511)
  })
})

describe('where', () => {
  test('no host: every address of both families, with one socket', async () => {
    const server = await listen({ port: 0 })
    expect(addressOf(server)).toMatchObject({ address: '::', family: 'IPv6' })
    await connected({ port: portOf(server), host: '127.0.0.1' })
    await connected({ port: portOf(server), host: '::1' })
  })

  test('ipv6Only leaves IPv4 out', async () => {
    const server = await listen({ port: 0, host: '::', ipv6Only: true })
    await connected({ port: portOf(server), host: '::1' })
    const client = net.connect(portOf(server), '127.0.0.1')
    const [error] = (await once(client, 'error')) as [Error & { code: string }]
    expect(error.code).toBe('ECONNREFUSED')
  })

  test.for([
    ['127.0.0.1', 'IPv4'],
    ['::1', 'IPv6'],
    ['::ffff:127.0.0.1', 'IPv6'],
  ] as const)('%s', async ([host, family]) => {
    const server = await listen({ port: 0, host })
    expect(addressOf(server)).toMatchObject({ address: host, family })
    await connected({ port: portOf(server), host })
  })

  test('a name', async () => {
    const server = await listen({ port: 0, host: 'localhost' })
    expect(['127.0.0.1', '::1']).toContain(addressOf(server).address)
  })

  const linkLocal = Object.entries(networkInterfaces()).flatMap(([name, entries]) =>
    (entries ?? [])
      .filter(({ address }) => address.startsWith('fe80:'))
      .map(({ address }) => `${address}%${name}`),
  )[0]
  test.skipIf(linkLocal === undefined)(
    'a link-local address with its interface (skipped where no interface has one)',
    async () => {
      const server = await listen({ port: 0, host: linkLocal ?? '' })
      expect(addressOf(server).family).toBe('IPv6')
    },
  )

  test('an interface that does not exist', async () => {
    const error = await rejectionOf(listen({ port: 0, host: 'fe80::1%nosuch0' }))
    expect(error.code).toBe('ERR_INVALID_ARG_VALUE')
  })

  test.skipIf(isWindows)(
    `a Unix path: address(), a connection, and the path is gone after close() ${unixless}`,
    async () => {
      const path = temporaryPath('unix.sock')
      const server = await listen({ path })
      expect(server.address()).toBe(path)
      await connected({ path })
      server.close()
      await until(() => !existsSync(path))
    },
  )

  test.skipIf(isWindows)(`a Unix path that everybody may use ${unixless}`, async () => {
    const path = temporaryPath('unix.sock')
    await listen({ path, readableAll: true, writableAll: true })
    expect(statSync(path).mode & 0o006).toBe(0o006)
  })

  test.runIf(isWindows)('a path, on Windows: there is no Unix socket', async () => {
    const error = await rejectionOf(listen({ path: String.raw`\\.\pipe\net-sockopt` }))
    expect(error).toMatchObject({ code: 'EOPNOTSUPP', syscall: 'listen', option: 'path' })
    expect(error.message).toContain('named pipe')
  })

  test.skipIf(isLinux)('reusePort, where the system does not balance, is refused', async () => {
    const error = await rejectionOf(listen({ ...loopback, reusePort: true }))
    expect(error).toMatchObject({ code: 'EOPNOTSUPP', syscall: 'listen', option: 'reusePort' })
  })

  test.runIf(isLinux)('reusePort: two servers on one port (Linux)', async () => {
    const first = await listen({ ...loopback, reusePort: true })
    const second = await listen({ ...loopback, port: portOf(first), reusePort: true })
    expect(portOf(second)).toBe(portOf(first))
  })
})

describe('options', () => {
  test('accepted sockets have them', async () => {
    const server = await listen({
      ...loopback,
      // Wine 8 lacks their options.
      ...(!isWine && {
        keepAlive: { idle: 30_000, interval: 10_000, count: 3 },
        userTimeout: 20_000,
      }),
      linger: 3000,
      socketOptions: { TCP_NODELAY: true, IP_TTL: 9, ...(isLinux && { SO_PRIORITY: 5 }) },
    })
    const accepting = once(server, 'connection') as Promise<[net.Socket]>
    await connected({ port: portOf(server), host: '127.0.0.1' })
    const [socket] = await accepting
    if (!isWine) {
      expect(getKeepAlive(socket)).toEqual({ idle: 30_000, interval: 10_000, count: 3 })
      expect(getUserTimeout(socket)).toBe(20_000)
    }
    expect(getLinger(socket)).toBe(3000)
    expect(getOptions(socket, ['TCP_NODELAY', 'IP_TTL'])).toEqual({ TCP_NODELAY: true, IP_TTL: 9 })
    // Linux does not inherit it.
    if (isLinux) expect(getOption(socket, 'SO_PRIORITY')).toBe(5)
  })

  test.runIf(isLinux)(
    'before the own connection listener runs, also one that was there first (Linux, where SO_PRIORITY is not inherited)',
    async () => {
      const server = net.createServer()
      const seen = new Promise((resolve) => {
        server.on('connection', (socket) => resolve(getOption(socket, 'SO_PRIORITY')))
      })
      await listen({ ...loopback, socketOptions: { SO_PRIORITY: 5 } }, server)
      await connected({ port: portOf(server), host: '127.0.0.1' })
      expect(await seen).toBe(5)
    },
  )

  test('are set before bind(): one that is EINVAL afterwards', async () => {
    // SO_RCVBUF decides the window scale of the handshake; IPV6_V6ONLY is EINVAL after bind().
    const server = await listen({ port: 0, host: '::', socketOptions: { IPV6_V6ONLY: true } })
    expect(getOption(server, 'IPV6_V6ONLY')).toBe(true)
  })

  test.runIf(isLinux)('that listen() resets are set after it: TCP_QUICKACK (Linux)', async () => {
    const server = await listen({ ...loopback, socketOptions: { TCP_QUICKACK: false } })
    expect(getOption(server, 'TCP_QUICKACK')).toBe(false)
  })

  test.skipIf(isWindows)(
    `of a Unix listener reach accepted sockets, which inherit nothing ${unixless}`,
    async () => {
      const path = temporaryPath('unix.sock')
      const server = await listen({ path, linger: 3000 })
      const accepting = once(server, 'connection') as Promise<[net.Socket]>
      await connected({ path })
      const [socket] = await accepting
      expect(getLinger(socket)).toBe(3000)
    },
  )

  test('a refused one rejects, names the option, and leaves nothing behind', async () => {
    const before = openSockets()
    const { socketOptions, option } = refused
    const error = await rejectionOf(listen({ ...loopback, socketOptions }))
    expect(error).toMatchObject({ code: 'EINVAL', syscall: 'setsockopt', option })
    expect(openedSince(before)).toEqual([])
  })
})

describe('servers', () => {
  test('http answers', async () => {
    const server = http.createServer((_request, response) => response.end('ok'))
    await listen(loopback, server)
    expect(await getText(portOf(server))).toBe('ok')
  })

  test('https answers', async () => {
    const server = https.createServer(await certificate(), (_request, response) => {
      response.end('ok')
    })
    await listen(loopback, server)
    const request = https.get({ port: portOf(server), rejectUnauthorized: false, agent: false })
    const [response] = (await once(request, 'response')) as [http.IncomingMessage]
    expect(response.statusCode).toBe(200)
    response.destroy()
  })

  test('tls greets', async () => {
    const server = tls.createServer(await certificate(), (socket) => socket.end('hello'))
    await listen(loopback, server)
    const client = tls.connect({ port: portOf(server), rejectUnauthorized: false })
    const [data] = (await once(client, 'data')) as [Buffer]
    expect(data.toString()).toBe('hello')
    client.destroy()
  })

  test('http2 answers', async () => {
    const server = http2.createServer((_request, response) => response.end('ok'))
    await listen(loopback, server)
    const session = http2.connect(`http://127.0.0.1:${portOf(server)}`)
    const request = session.request({ ':path': '/' })
    const [headers] = (await once(request, 'response')) as [http2.IncomingHttpHeaders]
    expect(headers[':status']).toBe(200)
    session.destroy()
  })
})

describe('afterwards the server is as after server.listen()', () => {
  test("the promise gives the server, 'listening' was emitted, it counts and closes", async () => {
    const server = net.createServer()
    const listening = once(server, 'listening')
    expect(await listen(loopback, server)).toBe(server)
    await listening
    expect(server.listening).toBe(true)
    await connected({ port: portOf(server), host: '127.0.0.1' })
    await until(async () => (await connections(server)) === 1)
    const port = portOf(server)
    server.close()
    const client = net.connect(port, '127.0.0.1')
    const [error] = (await once(client, 'error')) as [Error & { code: string }]
    expect(error.code).toBe('ECONNREFUSED')
  })

  test('maxConnections drops as usual', async () => {
    const server = await listen(loopback)
    server.maxConnections = 1
    const dropped = once(server, 'drop')
    await connected({ port: portOf(server), host: '127.0.0.1' })
    await connected({ port: portOf(server), host: '127.0.0.1' })
    await dropped
  })

  test('it can listen again after close()', async () => {
    const server = await listen(loopback)
    server.close()
    await once(server, 'close')
    await listenWithBacklog(server, { ...loopback, backlog: 7 })
    expectQueue(server, { limit: 7 })
    await connected({ port: portOf(server), host: '127.0.0.1' })
  })

  test('await using closes it', async () => {
    const server = await listenWithBacklog(net.createServer(), loopback)
    await server[Symbol.asyncDispose]()
    expect(server.listening).toBe(false)
  })

  test('unref() before listening lets the process end', async () => {
    const server = net.createServer()
    server.unref()
    await listen(loopback, server)
    expect((server as any)._handle.hasRef()).toBe(false)
  })

  test('a signal closes it', async () => {
    const controller = new AbortController()
    const server = await listen({ ...loopback, signal: controller.signal })
    controller.abort()
    await once(server, 'close')
  })
})

describe('errors reject and leave no descriptor behind', () => {
  async function expectClean(
    options: ListenOptions,
    expected: Record<string, unknown>,
    server?: net.Server,
  ): Promise<void> {
    const before = openSockets()
    expect(await rejectionOf(listen(options, server))).toMatchObject(expected)
    expect(openedSince(before)).toEqual([])
  }

  test('EADDRINUSE looks like Node’s own', async () => {
    const taken = await listening(net.createServer())
    const port = portOf(taken)
    const server = net.createServer()
    server.listen(port, '127.0.0.1')
    const [own] = (await once(server, 'error')) as [Error & Record<string, unknown>]
    const { code, syscall, address, message } = own
    // libuv has numbers of its own on Windows, ours are Winsock's.
    const errno = isWindows ? errnoOf('EADDRINUSE') : own.errno
    const expected = { code, errno, syscall, address, port, message }
    await expectClean({ port, host: '127.0.0.1' }, expected)
  })

  test.skipIf(isWindows)(`EADDRINUSE of a Unix path ${unixless}`, async () => {
    const path = temporaryPath('unix.sock')
    await listen({ path })
    const message = `listen EADDRINUSE: address already in use ${path}`
    await expectClean({ path }, { code: 'EADDRINUSE', syscall: 'listen', address: path, message })
  })

  test.skipIf(process.getuid?.() !== 0 || !canDropRoot())(
    'EACCES (skipped without root, which it gives up for a moment)',
    async () => {
      const path = temporaryPath('unix.sock')
      chmodSync(path.replace(/\/[^/]+$/, ''), 0o500)
      process.seteuid?.(65534)
      try {
        await expectClean({ path }, { code: 'EACCES', syscall: 'listen', address: path })
      } finally {
        process.seteuid?.(0)
      }
    },
  )

  test('an address that is not ours', async () => {
    await expectClean({ port: 0, host: '192.0.2.1' }, { code: 'EADDRNOTAVAIL', syscall: 'listen' })
  })

  test('a name that does not resolve', async () => {
    await expectClean({ port: 0, host: 'no-such-host.invalid' }, { syscall: 'getaddrinfo' })
  })

  test('a server that listens already', async () => {
    const server = await listen(loopback)
    await expectClean(loopback, { code: 'ERR_SERVER_ALREADY_LISTEN' }, server)
  })

  test('two calls at once: one of them wins', async () => {
    const server = net.createServer()
    closeAtEnd(server)
    const options = { port: 0, host: 'localhost' }
    const results = await Promise.allSettled([
      listenWithBacklog(server, options),
      listenWithBacklog(server, options),
    ])
    expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    const rejected = results.find((result) => result.status === 'rejected')
    expect(rejected?.reason).toMatchObject({ code: 'ERR_SERVER_ALREADY_LISTEN' })
  })

  test('an aborted signal, before and during the lookup', async () => {
    const aborted = { code: 'ABORT_ERR', name: 'AbortError' }
    await expectClean({ ...loopback, signal: AbortSignal.abort() }, aborted)
    const controller = new AbortController()
    const pending = expectClean({ port: 0, host: 'localhost', signal: controller.signal }, aborted)
    controller.abort()
    await pending
  })

  test.for([
    [{ port: 70_000 }, 'ERR_OUT_OF_RANGE', 'options.port'],
    [{ port: '80' }, 'ERR_INVALID_ARG_TYPE', 'options.port'],
    [{}, 'ERR_INVALID_ARG_VALUE', 'options'],
    [{ port: 0, path: '/tmp/x' }, 'ERR_INVALID_ARG_VALUE', 'options'],
    [{ path: '/x'.repeat(60) }, 'ERR_INVALID_ARG_VALUE', 'options.path'],
    [{ port: 0, backlog: -1 }, 'ERR_OUT_OF_RANGE', 'options.backlog'],
    [{ port: 0, backlog: 1.5 }, 'ERR_OUT_OF_RANGE', 'options.backlog'],
    [
      { port: 0, backlog: { hint: 300, other: 1 } },
      'ERR_INVALID_ARG_VALUE',
      'options.backlog.other',
    ],
    [{ port: 0, backlog: { hint: 199 } }, 'ERR_OUT_OF_RANGE', 'options.backlog.hint'],
    [{ port: 0, backlog: { hint: 65_536 } }, 'ERR_OUT_OF_RANGE', 'options.backlog.hint'],
    [{ port: 0, backlog: { hint: 200.5 } }, 'ERR_OUT_OF_RANGE', 'options.backlog.hint'],
    [{ port: 0, backlog: { hint: -511 } }, 'ERR_OUT_OF_RANGE', 'options.backlog.hint'],
    [{ port: 0, backlog: { hint: '511' } }, 'ERR_INVALID_ARG_TYPE', 'options.backlog.hint'],
    [{ port: 0, backlog: {} }, 'ERR_INVALID_ARG_TYPE', 'options.backlog.hint'],
    [{ port: 0, backlog: null }, 'ERR_INVALID_ARG_TYPE', 'options.backlog'],
    [{ port: 0, simultaneousAccepts: 1 }, 'ERR_INVALID_ARG_TYPE', 'options.simultaneousAccepts'],
    [{ port: 0, ipv6Only: 1 }, 'ERR_INVALID_ARG_TYPE', 'options.ipv6Only'],
    [{ port: 0, host: '127.0.0.1', ipv6Only: true }, 'ERR_INVALID_ARG_VALUE', 'options.ipv6Only'],
    [{ port: 0, signal: {} }, 'ERR_INVALID_ARG_TYPE', 'options.signal'],
    [{ port: 0, backLog: 5 }, 'ERR_INVALID_ARG_VALUE', 'options.backLog'],
    [{ port: 0, linger: 5 }, 'ERR_OUT_OF_RANGE', 'options.linger'],
    [{ port: 0, keepAlive: { idle: 5 } }, 'ERR_OUT_OF_RANGE', 'idle'],
    [{ port: 0, keepAlive: { idel: 5000 } }, 'ERR_INVALID_ARG_VALUE', 'keepAlive.idel'],
    [{ port: 0, keepAlive: true }, 'ERR_INVALID_ARG_TYPE', 'keepAlive'],
    [{ port: 0, userTimeout: '5' }, 'ERR_INVALID_ARG_TYPE', 'ms'],
    [{ port: 0, socketOptions: { TCP_NODLAY: true } }, 'ERR_INVALID_ARG_VALUE', 'name'],
    [{ port: 0, socketOptions: 5 }, 'ERR_INVALID_ARG_TYPE', 'options.socketOptions'],
    [null, 'ERR_INVALID_ARG_TYPE', 'options'],
  ] as [any, string, string][])('%j is %s and names %s', async ([options, code, name]) => {
    const before = openSockets()
    const error = await rejectionOf(listen(options as ListenOptions))
    expect(error.code).toBe(code)
    expect(error.message).toContain(name)
    expect(openedSince(before)).toEqual([])
  })

  test('no server', async () => {
    const error = await rejectionOf(listenWithBacklog({} as net.Server, loopback))
    expect(error.code).toBe('ERR_INVALID_ARG_TYPE')
  })
})

test('setOption works on the listener as on any other', async () => {
  const server = await listen(loopback)
  setOption(server, 'IP_TTL', 77)
  expect(getOption(server, 'IP_TTL')).toBe(77)
  if (!isLinux) return
  // Which only a listener has.
  setOption(server, 'TCP_DEFER_ACCEPT', 1)
  expect(getOption(server, 'TCP_DEFER_ACCEPT')).toBe(1)
})

async function connections(server: net.Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.getConnections((error, count) => (error ? reject(error) : resolve(count)))
  })
}

function canDropRoot(): boolean {
  return typeof process.seteuid === 'function'
}
