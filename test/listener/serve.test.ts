/** A served server, of each kind and with real frameworks on top, is full and has room again. */
import { once } from 'node:events'
import http from 'node:http'
import http2 from 'node:http2'
import https from 'node:https'
import net from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import tls from 'node:tls'
import express from 'express'
import fastify from 'fastify'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { getKeepAlive, getOption, type TcpListener } from '../../lib/index.js'
import { certificate } from '../support/certificate.js'
import { rejectionOf, errorOf } from '../support/errors.js'
import { temporaryPath } from '../support/files.js'
import { clientOf, listenerFor, placeOf, portOfListener } from '../support/listeners.js'
import { expectQueue, mayHaveQueued } from '../support/queues.js'
import { closeAtEnd, listening, portOf } from '../support/sockets.js'
import { isWindows, isWine } from '../support/system.js'
import { until } from '../support/until.js'

let pem: { key: string; cert: string }
beforeAll(async () => {
  pem = await certificate()
})

/** Answers each visitor when the test says so. */
class Desk {
  readonly #waiting: (() => void)[] = []

  get visitors(): number {
    return this.#waiting.length
  }

  visit(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  serveOne(): void {
    this.#waiting.shift()?.()
  }
}

interface Kind {
  name: string
  make: (desk: Desk) => net.Server | Promise<net.Server>
  /** A connection of its own; resolves with the answer when the server's end is closed too. */
  ask: (port: number) => Promise<string>
}

async function askOverHttp(get: typeof http.get, port: number): Promise<string> {
  const request = get({ port, host: '127.0.0.1', agent: false, rejectUnauthorized: false } as any)
  const [response] = (await once(request, 'response')) as [http.IncomingMessage]
  return String(Buffer.concat(await response.toArray()))
}

async function askOverHttp2(origin: string): Promise<string> {
  const session = http2.connect(origin, { rejectUnauthorized: false })
  const stream = session.request({ ':path': '/' })
  const body = String(Buffer.concat((await stream.toArray()) as Buffer[]))
  session.close()
  return body
}

async function askOver(socket: net.Socket): Promise<string> {
  return String(Buffer.concat((await socket.toArray()) as Buffer[]))
}

const kinds: Kind[] = [
  {
    name: 'net',
    make: (desk) =>
      net.createServer((socket) => void desk.visit().then(() => socket.end('welcome'))),
    ask: (port) => askOver(net.connect(port, '127.0.0.1')),
  },
  {
    name: 'tls',
    make: (desk) =>
      tls.createServer(pem, (socket) => void desk.visit().then(() => socket.end('welcome'))),
    ask: (port) => askOver(tls.connect({ port, host: '127.0.0.1', rejectUnauthorized: false })),
  },
  {
    name: 'http',
    make: (desk) =>
      http.createServer(
        (_request, response) => void desk.visit().then(() => response.end('welcome')),
      ),
    ask: (port) => askOverHttp(http.get, port),
  },
  {
    name: 'https',
    make: (desk) =>
      https.createServer(
        pem,
        (_request, response) => void desk.visit().then(() => response.end('welcome')),
      ),
    ask: (port) => askOverHttp(https.get, port),
  },
  {
    name: 'http2',
    make: (desk) =>
      http2.createServer(
        (_request, response) => void desk.visit().then(() => response.end('welcome')),
      ),
    ask: (port) => askOverHttp2(`http://127.0.0.1:${port}`),
  },
  {
    name: 'http2 over TLS',
    make: (desk) =>
      http2.createSecureServer(
        pem,
        (_request, response) => void desk.visit().then(() => response.end('welcome')),
      ),
    ask: (port) => askOverHttp2(`https://127.0.0.1:${port}`),
  },
  {
    name: 'express',
    make(desk) {
      const app = express()
      app.get('/', (_request, response) => void desk.visit().then(() => response.send('welcome')))
      return http.createServer(app)
    },
    ask: (port) => askOverHttp(http.get, port),
  },
  {
    name: 'fastify',
    async make(desk) {
      const app = fastify()
      app.get('/', async () => {
        await desk.visit()
        return 'welcome'
      })
      await app.ready()
      return app.server
    },
    ask: (port) => askOverHttp(http.get, port),
  },
  {
    name: 'ws',
    make(desk) {
      const server = http.createServer()
      new WebSocketServer({ server }).on('connection', (socket) => {
        void desk.visit().then(() => {
          socket.send('welcome')
          socket.close()
        })
      })
      return server
    },
    async ask(port) {
      const socket = new WebSocket(`ws://127.0.0.1:${port}`)
      const [message] = (await once(socket, 'message')) as [Buffer]
      await once(socket, 'close')
      return String(message)
    },
  },
]

async function connections(server: net.Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.getConnections((error, count) => (error ? reject(error) : resolve(count)))
  })
}

describe.for(kinds)('$name', ({ make, ask }) => {
  test('at maxConnections the rest wait in the queue, and each is served when there is room', async () => {
    const listener = await listenerFor({ backlog: 10 })
    const desk = new Desk()
    const server = await make(desk)
    const dropped: unknown[] = []
    server.on('drop', (what) => dropped.push(what))
    expect(listener.serve(server, { maxConnections: 2 })).toBe(server)
    closeAtEnd(server)

    const answers = Array.from({ length: 5 }, () => ask(portOfListener(listener)))
    await until(() => mayHaveQueued(listener, 3) && desk.visitors === 2)
    await sleep(30)
    expectQueue(listener, { length: 3, limit: 10 })
    expect(listener.accepted).toBe(2)
    expect(desk.visitors).toBe(2)
    expect(await connections(server)).toBe(2)

    for (const left of [2, 1, 0]) {
      desk.serveOne()
      await until(() => mayHaveQueued(listener, left) && desk.visitors === 2)
      expect(listener.accepted).toBe(5 - left)
      expect(await connections(server)).toBe(2)
    }
    desk.serveOne()
    desk.serveOne()
    expect(await Promise.all(answers)).toEqual(Array(5).fill('welcome'))
    expect(dropped).toEqual([])
    expect(listener.counters).toEqual({ accepted: 5, droppedStale: 0, acceptErrors: 0 })
    await until(async () => (await connections(server)) === 0)
  })
})

function hello(): http.Server {
  return http.createServer((request, response) => response.end(`hello ${request.url ?? ''}`))
}

async function get(agent: http.Agent | false, listener: TcpListener, path = '/'): Promise<string> {
  const request = http.get({ ...placeOf(listener), agent, path } as http.RequestOptions)
  const [response] = (await once(request, 'response')) as [http.IncomingMessage]
  return String(Buffer.concat(await response.toArray()))
}

function keepAliveAgent(): http.Agent {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
  onTestFinished(() => agent.destroy())
  return agent
}

describe('keep-alive', () => {
  test('requests share a connection', async () => {
    const listener = await listenerFor()
    listener.serve(hello(), { maxConnections: 1 })
    const agent = keepAliveAgent()
    for (const path of ['/1', '/2', '/3']) {
      expect(await get(agent, listener, path)).toBe(`hello ${path}`)
    }
    expect(listener.accepted).toBe(1)
  })

  test('an idle one holds its place until keepAliveTimeout, then the next has it', async () => {
    const listener = await listenerFor()
    const server = hello()
    server.keepAliveTimeout = 300
    listener.serve(server, { maxConnections: 1 })
    // No http.Agent, which would close the connection before the server does.
    const first = await clientOf(listener)
    first.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
    expect(String((await once(first, 'data'))[0])).toContain('hello /')
    const second = get(false, listener)
    await until(() => mayHaveQueued(listener, 1))
    await sleep(30)
    expectQueue(listener, { length: 1 })
    expect(listener.accepted).toBe(1)
    expect(await second).toBe('hello /')
    expect(listener.accepted).toBe(2)
  })
})

describe('upgrades', () => {
  test('an upgraded connection works both ways, holds its place, and gives it back', async () => {
    const listener = await listenerFor()
    const server = http.createServer()
    new WebSocketServer({ server }).on('connection', (socket) => {
      socket.on('message', (message: Buffer) => socket.send(`${String(message)} pong`))
    })
    listener.serve(server, { maxConnections: 1 })
    const first = new WebSocket(`ws://127.0.0.1:${portOfListener(listener)}`)
    await once(first, 'open')
    const second = new WebSocket(`ws://127.0.0.1:${portOfListener(listener)}`)
    const opening = once(second, 'open')
    await until(() => mayHaveQueued(listener, 1))
    for (const ping of ['a', 'b']) {
      first.send(ping)
      expect(String((await once(first, 'message'))[0])).toBe(`${ping} pong`)
    }
    expectQueue(listener, { length: 1 })
    expect(listener.accepted).toBe(1)
    first.close()
    await opening
    second.terminate()
    await once(second, 'close')
  })
})

describe('the server is as after server.listen()', () => {
  test("'listening' is emitted once, address() and getAcceptQueue() are the listener's", async () => {
    const listener = await listenerFor({ backlog: 7 })
    const server = net.createServer()
    let emitted = 0
    server.on('listening', () => emitted++)
    listener.serve(server)
    expect(server.listening).toBe(true)
    expect(emitted).toBe(0)
    await once(server, 'listening')
    expect(server.address()).toEqual(listener.address())
    expectQueue(server, { length: 0, limit: 7 })
    await sleep(20)
    expect(emitted).toBe(1)
  })

  test.skipIf(isWindows)(
    'on a Unix socket (which Windows lacks): address() is the path',
    async () => {
      const path = temporaryPath('unix.sock')
      const listener = await listenerFor({ path })
      const server = hello()
      listener.serve(server)
      await once(server, 'listening')
      expect(server.address()).toBe(path)
      const request = http.get({ socketPath: path, agent: false })
      const [response] = (await once(request, 'response')) as [http.IncomingMessage]
      expect(String(Buffer.concat(await response.toArray()))).toBe('hello /')
    },
  )

  test('noDelay and keepAlive of the server reach each connection', async () => {
    const listener = await listenerFor()
    const server = net.createServer({
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: 5000,
    })
    listener.serve(server)
    closeAtEnd(server)
    const accepting = once(server, 'connection') as Promise<[net.Socket]>
    await clientOf(listener)
    const [socket] = await accepting
    expect(getOption(socket, 'TCP_NODELAY')).toBe(true)
    expect(getOption(socket, 'SO_KEEPALIVE')).toBe(true)
    // Node sets it through TCP_KEEPIDLE, which Wine 8 lacks.
    if (!isWine) expect(getKeepAlive(socket)).toMatchObject({ idle: 5000 })
  })

  test('pauseOnConnect and allowHalfOpen too', async () => {
    const listener = await listenerFor()
    const server = net.createServer({ pauseOnConnect: true, allowHalfOpen: true })
    listener.serve(server)
    closeAtEnd(server)
    const accepting = once(server, 'connection') as Promise<[net.Socket]>
    await clientOf(listener)
    const [socket] = await accepting
    expect(socket.isPaused()).toBe(true)
    expect(socket.allowHalfOpen).toBe(true)
  })

  test("the server's own maxConnections still drops", async () => {
    const listener = await listenerFor()
    const server = net.createServer()
    server.maxConnections = 1
    listener.serve(server)
    closeAtEnd(server)
    const dropping = once(server, 'drop')
    await clientOf(listener)
    const second = await clientOf(listener)
    const ended = once(second, 'close')
    second.resume()
    const [dropped] = (await dropping) as [{ remotePort: number }]
    expect(dropped.remotePort).toBe(second.localPort)
    await ended
    expect(await connections(server)).toBe(1)
    // Who was dropped takes no place of the listener's.
    expect(listener.accepted).toBe(2)
  })

  test('it counts connections down, and the place is free whoever ends it', async () => {
    const listener = await listenerFor()
    const server = net.createServer((socket) => socket.on('error', () => undefined).resume())
    listener.serve(server, { maxConnections: 1 })
    closeAtEnd(server)
    const endings: ((socket: net.Socket) => unknown)[] = [
      (client) => client.end(),
      (client) => client.destroy(),
      (client) => client.resetAndDestroy(),
    ]
    for (const end of endings) {
      const connecting = once(server, 'connection')
      const client = await clientOf(listener)
      await connecting
      end(client)
      await until(async () => (await connections(server)) === 0)
    }
    for (const end of ['end', 'destroy', 'resetAndDestroy'] as const) {
      const connecting = once(server, 'connection') as Promise<[net.Socket]>
      ;(await clientOf(listener)).resume()
      const [socket] = await connecting
      socket[end]()
    }
    expect(listener.accepted).toBe(6)
  })

  test('1,000 connections through five places', async () => {
    const listener = await listenerFor({ backlog: { hint: 1000 } })
    let open = 0
    let most = 0
    const server = net.createServer((socket) => {
      most = Math.max(most, ++open)
      socket.on('close', () => open--)
      socket.on('error', () => undefined)
      setTimeout(() => socket.end('welcome'), 1)
    })
    listener.serve(server, { maxConnections: 5 })
    const answers = await Promise.all(
      Array.from({ length: 1000 }, () =>
        askOver(net.connect(portOfListener(listener), '127.0.0.1')),
      ),
    )
    expect(answers.filter((answer) => answer === 'welcome')).toHaveLength(1000)
    expect(most).toBe(5)
    expect(listener.accepted).toBe(1000)
  })

  test("a 'connection' listener that throws costs that connection, not the listener", async () => {
    const listener = await listenerFor()
    for (let i = 0; i < 2; i++) await clientOf(listener)
    const seen: string[] = []
    const original = process.listeners('uncaughtException')
    process.removeAllListeners('uncaughtException')
    process.on('uncaughtException', (error) => seen.push(error.message))
    onTestFinished(() => {
      process.removeAllListeners('uncaughtException')
      for (const each of original) process.on('uncaughtException', each)
    })
    const server = net.createServer(() => {
      throw new Error('a mistake')
    })
    listener.serve(server)
    await until(() => listener.accepted === 2)
    await clientOf(listener)
    await until(() => listener.accepted === 3)
    expect(seen).toEqual(Array(3).fill('a mistake'))
    expect(await connections(server)).toBe(3)
  })

  test('pause() and resume()', async () => {
    const listener = await listenerFor()
    const server = net.createServer((socket) => socket.end('welcome'))
    listener.pause()
    listener.serve(server)
    const answer = askOver(net.connect(portOfListener(listener), '127.0.0.1'))
    await until(() => mayHaveQueued(listener, 1))
    await sleep(30)
    expect(listener.accepted).toBe(0)
    listener.resume()
    expect(await answer).toBe('welcome')
    listener.pause()
    await clientOf(listener)
    await sleep(30)
    expectQueue(listener, { length: 1 })
    expect(listener.accepted).toBe(1)
  })
})

describe('errors', () => {
  test('a server that listens already', async () => {
    const listener = await listenerFor()
    const server = await listening(net.createServer())
    expect(errorOf(() => listener.serve(server)).code).toBe('ERR_SERVER_ALREADY_LISTEN')
    // Nothing has happened: it can serve another.
    listener.serve(net.createServer())
    expect(portOf(server)).toBeGreaterThan(0)
  })

  test('a server that is served already, here or elsewhere', async () => {
    const [listener, other] = [await listenerFor(), await listenerFor()]
    const server = net.createServer()
    listener.serve(server)
    expect(errorOf(() => listener.serve(server)).code).toBe('ERR_INVALID_STATE')
    expect(errorOf(() => other.serve(server)).code).toBe('ERR_SERVER_ALREADY_LISTEN')
    expect(errorOf(() => server.listen(0)).code).toBe('ERR_SERVER_ALREADY_LISTEN')
  })

  test('a listener in use twice', async () => {
    const listener = await listenerFor()
    listener.serve(net.createServer())
    expect(errorOf(() => listener.serve(net.createServer())).code).toBe('ERR_INVALID_STATE')
    expect((await rejectionOf(listener.accept())).code).toBe('ERR_INVALID_STATE')
  })

  test('while an accept() waits', async () => {
    const listener = await listenerFor()
    const waiting = rejectionOf(listener.accept())
    const error = errorOf(() => listener.serve(net.createServer()))
    expect(error.code).toBe('ERR_INVALID_STATE')
    await listener.close()
    await waiting
  })

  test('a closed listener', async () => {
    const listener = await listenerFor()
    await listener.close()
    const server = net.createServer()
    expect(errorOf(() => listener.serve(server)).code).toBe('ERR_SOCKET_CLOSED')
    expect(server.listening).toBe(false)
  })

  test.for([
    [{}, {}, 'ERR_INVALID_ARG_TYPE', 'server'],
    [undefined, {}, 'ERR_INVALID_ARG_TYPE', 'server'],
    [net.createServer(), { maxConnections: 0 }, 'ERR_OUT_OF_RANGE', 'maxConnections'],
    [net.createServer(), { maxConnections: 1.5 }, 'ERR_OUT_OF_RANGE', 'maxConnections'],
    [net.createServer(), { maxConnections: '2' }, 'ERR_INVALID_ARG_TYPE', 'maxConnections'],
    [net.createServer(), { maxConnections: NaN }, 'ERR_OUT_OF_RANGE', 'maxConnections'],
  ] as [any, any, string, string][])('%o with %j', async ([server, options, code, name]) => {
    const listener = await listenerFor()
    const error = errorOf(() => listener.serve(server as net.Server, options as object))
    expect(error.code).toBe(code)
    expect(error.message).toContain(name)
    listener.serve(net.createServer())
  })
})
