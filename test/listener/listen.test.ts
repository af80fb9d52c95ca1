import { once } from 'node:events'
import { existsSync, statSync } from 'node:fs'
import http from 'node:http'
import net from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, onTestFinished, test } from 'vitest'
import {
  getAcceptQueue,
  getKeepAlive,
  getLinger,
  getOption,
  getOptions,
  getUserTimeout,
  setOption,
  setsockopt,
  TcpListener,
  type TcpListenerOptions,
} from '../../lib/index.js'
import { openedSince, openSockets } from '../support/descriptors.js'
import { errorOf, rejectionOf } from '../support/errors.js'
import { temporaryPath } from '../support/files.js'
import {
  acceptedPair,
  clientOf,
  listenerFor,
  placeOf,
  places,
  portOfListener,
  refused,
} from '../support/listeners.js'
import { Program, runProgram } from '../support/program.js'
import { expectQueue } from '../support/queues.js'
import { connected, destroyAtEnd, listening, portOf } from '../support/sockets.js'
import { isLinux, isRealWindows, isWindows, isWine } from '../support/system.js'
import { until } from '../support/until.js'

const unixless = '(skipped on Windows, where a path is a named pipe)'

describe.each(places)('a %s listener', (_kind, place) => {
  test.skipIf(isWindows).for([0, 1, 5, 511, 1000])(
    'backlog %i is exact (skipped on Windows, which does not tell)',
    async (backlog) => {
      const listener = await listenerFor({ ...place(), backlog })
      expect(listener.queue).toEqual({ length: 0, limit: backlog })
      expect(getAcceptQueue(listener)).toEqual(listener.queue)
    },
  )

  test('accepts nothing: three clients connect, three wait', async () => {
    const listener = await listenerFor(place())
    for (let i = 0; i < 3; i++) await clientOf(listener)
    await sleep(50)
    expectQueue(listener, { length: 3, limit: 511 })
    expect(listener.counters).toEqual({ accepted: 0, droppedStale: 0, acceptErrors: 0 })
  })

  test.skipIf(isWindows)('setBacklog changes the limit (skipped on Windows)', async () => {
    const listener = await listenerFor({ ...place(), backlog: 3 })
    listener.setBacklog(7)
    expect(listener.queue.limit).toBe(7)
    listener.setBacklog(0)
    expect(listener.queue.limit).toBe(0)
    expect(errorOf(() => listener.setBacklog(-1)).code).toBe('ERR_OUT_OF_RANGE')
  })

  test('close(): no address, no descriptor, no queue; twice is fine', async () => {
    const before = openSockets()
    const listener = await listenerFor(place())
    expect(listener.fd).toBeGreaterThan(2)
    const closing = once(listener, 'close')
    await listener.close()
    await closing
    expect(listener.closed).toBe(true)
    expect(listener.address()).toBe(null)
    for (const use of [
      () => listener.fd,
      () => listener.queue,
      () => listener.setBacklog(5),
      () => getAcceptQueue(listener),
      () => getOption(listener, 'SO_ACCEPTCONN'),
    ]) {
      expect(errorOf(use).code).toBe('ERR_SOCKET_CLOSED')
    }
    let again = 0
    listener.on('close', () => again++)
    await listener.close()
    listener.pause().resume().ref().unref()
    await sleep(10)
    expect(again).toBe(0)
    expect(openedSince(before)).toEqual([])
  })

  test('await using closes it', async () => {
    const before = openSockets()
    {
      await using listener = await TcpListener.listen({ port: 0, host: '127.0.0.1' })
      expect(listener.closed).toBe(false)
    }
    expect(openedSince(before)).toEqual([])
  })

  test('is a target like any other', async () => {
    const listener = await listenerFor(place())
    expect(getOption(listener, 'SO_ACCEPTCONN')).toBe(true)
    setOption(listener, 'SO_RCVBUF', 65_536)
    expect(getOptions(listener, ['SO_RCVBUF']).SO_RCVBUF).toBeGreaterThanOrEqual(65_536)
    // SO_KEEPALIVE at SOL_SOCKET.
    const [level, keepAlive] = isWindows ? [0xffff, 8] : [1, 9]
    setsockopt(listener, level, keepAlive, 1)
    expect(getOption(listener, 'SO_KEEPALIVE')).toBe(true)
  })
})

describe('where', () => {
  test('no host: every address of both families, with one socket', async () => {
    const listener = await TcpListener.listen({ port: 0 })
    onTestFinished(() => listener.close())
    expect(listener.address()).toMatchObject({ address: '::', family: 'IPv6' })
    for (const host of ['127.0.0.1', '::1'])
      await connected({ port: portOfListener(listener), host })
    expectQueue(listener, { length: 2 })
  })

  test('ipv6Only leaves IPv4 out', async () => {
    const listener = await listenerFor({ host: '::', ipv6Only: true })
    await connected({ port: portOfListener(listener), host: '::1' })
    const client = net.connect(portOfListener(listener), '127.0.0.1')
    const [error] = (await once(client, 'error')) as [Error & { code: string }]
    expect(error.code).toBe('ECONNREFUSED')
  })

  test.for([
    ['127.0.0.1', 'IPv4'],
    ['::1', 'IPv6'],
  ] as const)('%s', async ([host, family]) => {
    const listener = await listenerFor({ host })
    expect(listener.address()).toEqual({
      address: host,
      family,
      port: expect.any(Number) as number,
    })
    await clientOf(listener)
  })

  test('a name', async () => {
    const listener = await listenerFor({ host: 'localhost' })
    expect(listener.address()).toMatchObject({
      address: expect.stringMatching(/^(127|::1)/) as string,
    })
  })

  test.skipIf(isWindows)(
    `a Unix path: address() is the path, which is gone after close() ${unixless}`,
    async () => {
      const path = temporaryPath('unix.sock')
      const listener = await listenerFor({ path, readableAll: true, writableAll: true })
      expect(listener.address()).toBe(path)
      expect(statSync(path).mode & 0o006).toBe(0o006)
      await listener.close()
      await until(() => !existsSync(path))
    },
  )

  test.runIf(isWindows)('a path, on Windows: there is no Unix socket', async () => {
    const error = await rejectionOf(listenerFor({ path: '\\\\.\\pipe\\net-sockopt' }))
    expect(error).toMatchObject({ code: 'EOPNOTSUPP', syscall: 'listen', option: 'path' })
    expect(error.message).toContain('named pipe')
  })

  test.skipIf(isLinux)('reusePort, where the system does not balance, is refused', async () => {
    const error = await rejectionOf(listenerFor({ reusePort: true }))
    expect(error).toMatchObject({ code: 'EOPNOTSUPP', syscall: 'listen', option: 'reusePort' })
  })

  test.runIf(isLinux)(
    'reusePort: two listeners on one port share its clients (Linux)',
    async () => {
      const first = await listenerFor({ reusePort: true, backlog: 100 })
      const second = await listenerFor({
        reusePort: true,
        backlog: 100,
        port: portOfListener(first),
      })
      expect(portOfListener(second)).toBe(portOfListener(first))
      for (let i = 0; i < 40; i++) await clientOf(first)
      expect(first.queue.length + second.queue.length).toBe(40)
      // 40 clients all in one of two queues: once in 2^39 runs.
      expect(first.queue.length).toBeGreaterThan(0)
      expect(second.queue.length).toBeGreaterThan(0)
    },
  )
})

const accepted = {
  // Wine 8 lacks their options.
  ...(!isWine && { keepAlive: { idle: 30_000, interval: 10_000, count: 3 }, userTimeout: 20_000 }),
  linger: 3000,
  socketOptions: { TCP_NODELAY: true, IP_TTL: 9, ...(isLinux && { SO_PRIORITY: 5 }) },
} satisfies TcpListenerOptions

/** The same of a socket. Linux does not inherit SO_PRIORITY: it is set on each. */
function optionsOf(socket: net.Socket): unknown {
  return {
    ...(!isWine && { keepAlive: getKeepAlive(socket), userTimeout: getUserTimeout(socket) }),
    linger: getLinger(socket),
    socketOptions: getOptions(socket, [
      'TCP_NODELAY',
      'IP_TTL',
      ...(isLinux ? (['SO_PRIORITY'] as const) : []),
    ]),
  }
}

describe('options', () => {
  test('accepted sockets have them', async () => {
    const listener = await listenerFor(accepted)
    const pair = await acceptedPair(listener)
    expect(optionsOf(pair.accepted)).toEqual(accepted)
  })

  test("a served server's have them before its 'connection' listeners run", async () => {
    const listener = await listenerFor(accepted)
    const server = http.createServer()
    const seen: unknown[] = []
    server.on('connection', (socket) => seen.push(optionsOf(socket)))
    listener.serve(server)
    await clientOf(listener)
    await until(() => seen.length === 1)
    expect(seen).toEqual([accepted])
  })

  test('a client that was queued before an option was set on the listener lacks it (Windows may give it)', async () => {
    const listener = await listenerFor()
    await clientOf(listener)
    setOption(listener, 'IP_TTL', 77)
    await clientOf(listener)
    const sockets = [await listener.accept(), await listener.accept()]
    for (const socket of sockets) destroyAtEnd(socket)
    const [early, late] = sockets.map((socket) => getOption(socket, 'IP_TTL'))
    if (!isRealWindows) expect(early).not.toBe(77)
    expect(late).toBe(77)
  })

  test.skipIf(isWindows)(
    `those of a Unix listener reach accepted sockets, which inherit nothing ${unixless}`,
    async () => {
      const listener = await listenerFor({ path: temporaryPath('unix.sock'), linger: 3000 })
      const pair = await acceptedPair(listener)
      expect(getLinger(pair.accepted)).toBe(3000)
    },
  )
})

describe('a signal', () => {
  test('aborted before, and during the look-up', async () => {
    const before = openSockets()
    const listen = (signal: AbortSignal): Promise<TcpListener> =>
      TcpListener.listen({ port: 0, host: 'localhost', signal })
    expect((await rejectionOf(listen(AbortSignal.abort()))).code).toBe('ABORT_ERR')
    const controller = new AbortController()
    const pending = rejectionOf(listen(controller.signal))
    controller.abort()
    expect(await pending).toMatchObject({ name: 'AbortError', code: 'ABORT_ERR' })
    expect(openedSince(before)).toEqual([])
  })

  test('aborted afterwards closes the listener', async () => {
    const controller = new AbortController()
    const listener = await listenerFor({ signal: controller.signal })
    const waiting = rejectionOf(listener.accept())
    controller.abort()
    expect((await waiting).code).toBe('ERR_SOCKET_CLOSED')
    expect(listener.closed).toBe(true)
  })

  test('too late, after close(), does nothing', async () => {
    const controller = new AbortController()
    const listener = await listenerFor({ signal: controller.signal })
    const closing = once(listener, 'close')
    await listener.close()
    await closing
    controller.abort()
  })
})

describe('errors reject and leave no descriptor behind', () => {
  test.for([
    [{ host: '192.0.2.1' }, { code: 'EADDRNOTAVAIL', syscall: 'listen' }],
    [{ host: 'no-such-host.invalid' }, { syscall: 'getaddrinfo' }],
    [{ socketOptions: refused.socketOptions }, { code: 'EINVAL', option: refused.option }],
    [{ backlog: -1 }, { code: 'ERR_OUT_OF_RANGE' }],
    [{ backLog: 5 }, { code: 'ERR_INVALID_ARG_VALUE' }],
    [{ port: 70_000 }, { code: 'ERR_OUT_OF_RANGE' }],
    [{ linger: 5 }, { code: 'ERR_OUT_OF_RANGE' }],
    [{ signal: {} }, { code: 'ERR_INVALID_ARG_TYPE' }],
    [{ stale: 'drop' }, { code: 'ERR_INVALID_ARG_VALUE' }],
    [{ path: '/tmp/x', port: 0 }, { code: 'ERR_INVALID_ARG_VALUE' }],
  ] as [any, object][])('%j', async ([options, expected]) => {
    const before = openSockets()
    expect(await rejectionOf(listenerFor(options as TcpListenerOptions))).toMatchObject(expected)
    expect(openedSince(before)).toEqual([])
  })

  test.for([[undefined], [null], [5], ['x'], [true]])('%j for options', async ([options]) => {
    const error = await rejectionOf(TcpListener.listen(options as any))
    expect(error).toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' })
    expect(error.message).toContain('options')
  })

  test('a port that is taken', async () => {
    const taken = await listening(net.createServer())
    const before = openSockets()
    const port = portOf(taken)
    expect(await rejectionOf(listenerFor({ port }))).toMatchObject({ code: 'EADDRINUSE', port })
    expect(openedSince(before)).toEqual([])
  })

  test.skipIf(isWindows)(`a path that is taken ${unixless}`, async () => {
    const path = temporaryPath('unix.sock')
    await listenerFor({ path })
    expect(await rejectionOf(listenerFor({ path }))).toMatchObject({ code: 'EADDRINUSE' })
  })
})

test.skipIf(isRealWindows)(
  'the queue is full at backlog + 1 (Linux), and a place in it is free after accept()',
  async () => {
    const listener = await listenerFor({ backlog: 0 })
    await clientOf(listener)
    const late = net.connect(placeOf(listener) as net.NetConnectOpts)
    destroyAtEnd(late)
    await sleep(50)
    expect(late.connecting).toBe(true)
    expectQueue(listener, { length: 1, limit: 0 })
    const first = await listener.accept()
    destroyAtEnd(first)
    // At its next SYN, a second later.
    await once(late, 'connect')
  },
)

test.runIf(isRealWindows)('Windows refuses at once who finds the queue full', async () => {
  const listener = await listenerFor({ backlog: 5 })
  for (let i = 0; i < 5; i++) await clientOf(listener)
  const late = net.connect(placeOf(listener))
  onTestFinished(() => void late.destroy())
  const [error] = (await once(late, 'error')) as [Error & { code: string }]
  expect(error.code).toBe('ECONNREFUSED')
})

const program = (body: string): string => `
  import net from 'node:net'
  import { TcpListener } from 'net-sockopt'
  const listener = await TcpListener.listen({ port: 0, host: '127.0.0.1' })
  ${body}
  console.log('ready')
`

describe('the process', () => {
  const states = {
    'that nobody uses': '',
    paused: 'listener.pause()',
    'with an accept() that waits': 'void listener.accept().catch(() => {})',
    'that serves': 'listener.serve(net.createServer())',
    'that is paused and serves': 'listener.pause().serve(net.createServer())',
  }

  /** Not all of them under Wine, where a program takes a second or two to start. */
  const tried = Object.entries(states).filter(([name]) => !isWine || /accept|nobody/.test(name))

  test.for(tried)('stays alive with a listener %s', async ([, body]) => {
    const child = new Program(program(body))
    expect(await child.line()).toBe('ready')
    const first = await Promise.race([child.ended, sleep(150)])
    expect(first).toBeUndefined()
  })

  test.for(tried)('ends with an unref()ed one %s', async ([, body]) => {
    const ran = await runProgram(program(`${body}\nlistener.unref()`))
    expect(ran).toEqual({ status: 0, stdout: 'ready\n', stderr: '' })
  })

  test('ref() takes it back', async () => {
    const child = new Program(program('listener.unref().ref()'))
    expect(await child.line()).toBe('ready')
    expect(await Promise.race([child.ended, sleep(150)])).toBeUndefined()
  })

  test.for(['server.unref()', 'server.unref(); server.ref(); server.unref()'])(
    'a served server answers for its listener: %s',
    async (unref) => {
      const body = `const server = net.createServer(); listener.serve(server); ${unref}`
      expect((await runProgram(program(body))).status).toBe(0)
      const early = `const server = net.createServer(); server.unref(); listener.serve(server)`
      expect((await runProgram(program(early))).status).toBe(0)
    },
  )

  test.for(tried)('ends after close() of one %s', async ([, body]) => {
    const ran = await runProgram(program(`${body}\nawait listener.close()`))
    expect(ran).toEqual({ status: 0, stdout: 'ready\n', stderr: '' })
  })

  test('an unref()ed listener still accepts', async () => {
    const ran = await runProgram(
      program(`
        listener.unref()
        const client = net.connect(listener.address().port, '127.0.0.1')
        const socket = await listener.accept()
        socket.end()
        client.resume()
      `),
    )
    expect(ran).toMatchObject({ status: 0, stderr: '' })
  })
})
