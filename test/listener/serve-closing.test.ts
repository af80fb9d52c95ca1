/** Closing a served server, and closing its listener. */
import { once } from 'node:events'
import http from 'node:http'
import net from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, onTestFinished, test } from 'vitest'
import { TcpListener } from '../../lib/index.js'
import { openedSince, openSockets } from '../support/descriptors.js'
import { getText } from '../support/http.js'
import { clientOf, listenerFor } from '../support/listeners.js'
import { closeAtEnd, connected, listening, portOf } from '../support/sockets.js'
import { until } from '../support/until.js'

const starts = {
  listening: async (server: net.Server): Promise<void> => {
    await listening(server)
  },
  served: async (server: net.Server): Promise<void> => {
    const listener = await listenerFor()
    closeAtEnd(server)
    await once(listener.serve(server), 'listening')
  },
}

const actions: Record<string, (server: http.Server) => void> = {
  nothing: () => undefined,
  'close()': (server) => void server.close(),
  'closeIdleConnections()': (server) => server.closeIdleConnections(),
  'closeAllConnections()': (server) => server.closeAllConnections(),
  'close() and closeAllConnections()': (server) => {
    server.close()
    server.closeAllConnections()
  },
}

interface Outcome {
  idle: 'open' | 'closed'
  busy: 'open' | 'closed'
  newcomer: 'connects' | 'ECONNREFUSED'
  listening: boolean
  answer: string
  closed: boolean
}

const half = { idle: 'open', busy: 'open', newcomer: 'connects', listening: true } as const

/** What Node's documentation promises for server.close() and its relations. */
const expected: Record<string, Outcome> = {
  nothing: { ...half, answer: 'done', closed: false },
  'close()': {
    idle: 'closed',
    busy: 'open',
    newcomer: 'ECONNREFUSED',
    listening: false,
    answer: 'done',
    closed: true,
  },
  'closeIdleConnections()': { ...half, idle: 'closed', answer: 'done', closed: false },
  'closeAllConnections()': {
    ...half,
    idle: 'closed',
    busy: 'closed',
    answer: '',
    closed: false,
  },
  'close() and closeAllConnections()': {
    idle: 'closed',
    busy: 'closed',
    newcomer: 'ECONNREFUSED',
    listening: false,
    answer: '',
    closed: true,
  },
}

async function newcomer(port: number): Promise<Outcome['newcomer']> {
  const client = net.connect(port, '127.0.0.1')
  try {
    await once(client, 'connect')
    return 'connects'
  } catch (error) {
    return (error as { code: 'ECONNREFUSED' }).code
  } finally {
    client.destroy()
  }
}

/** One connection that is idle after a request, one whose request is being answered; then the action. */
async function outcomeOf(
  start: (server: net.Server) => Promise<void>,
  act: (server: http.Server) => void,
): Promise<Outcome> {
  let finish: () => void = () => undefined
  let closed = false
  const server = http.createServer((request, response) => {
    if (request.url === '/idle') response.end('done')
    else finish = () => response.end('done')
  })
  server.on('close', () => (closed = true))
  await start(server)
  const port = portOf(server)
  const [idle, busy] = [
    await connected({ port, host: '127.0.0.1' }),
    await connected({ port, host: '127.0.0.1' }),
  ]
  let answer = ''
  busy.on('data', (data) => (answer = /done/.exec(String(data))?.[0] ?? ''))
  idle.write('GET /idle HTTP/1.1\r\nHost: localhost\r\n\r\n')
  await once(idle, 'data')
  idle.resume()
  busy.write('GET /busy HTTP/1.1\r\nHost: localhost\r\n\r\n')
  const unset = finish
  await until(() => finish !== unset)

  act(server)
  await sleep(60)
  const state = (socket: net.Socket): 'open' | 'closed' => (socket.destroyed ? 'closed' : 'open')
  const seen = {
    idle: state(idle),
    busy: state(busy),
    newcomer: await newcomer(port),
    listening: server.listening,
  }
  finish()
  if (seen.busy === 'open') await until(() => answer !== '')
  busy.destroy()
  await sleep(60)
  return { ...seen, answer, closed }
}

describe.each(Object.entries(actions))('%s', (name, act) => {
  test('does for a served server what it does for a listening one', async () => {
    const [byItself, served] = await Promise.all([
      outcomeOf(starts.listening, act),
      outcomeOf(starts.served, act),
    ])
    expect(byItself).toEqual(expected[name])
    expect(served).toEqual(byItself)
  })
})

async function served(
  onRequest: http.RequestListener,
): Promise<{ listener: TcpListener; server: http.Server }> {
  const listener = await listenerFor()
  const server = http.createServer(onRequest)
  await once(listener.serve(server, { maxConnections: 2 }), 'listening')
  closeAtEnd(server)
  return { listener, server }
}

describe('server.close() closes the listener', () => {
  test('who waits in the queue is reset, accept() is over, the port is free', async () => {
    const listener = await listenerFor()
    const server = net.createServer()
    await once(listener.serve(server, { maxConnections: 1 }), 'listening')
    closeAtEnd(server)
    const connecting = once(server, 'connection')
    await clientOf(listener)
    await connecting
    const waiting = await clientOf(listener)
    const reset = once(waiting, 'error')
    const port = portOf(server)
    const events = Promise.all([once(listener, 'close'), reset])
    server.close()
    expect(listener.closed).toBe(true)
    expect(listener.address()).toBe(null)
    expect((await events)[1][0]).toMatchObject({ code: 'ECONNRESET' })
    expect(await newcomer(port)).toBe('ECONNREFUSED')
  })

  test('its callback is called, and a second close() is an error as ever', async () => {
    const { server } = await served((_request, response) => response.end())
    await new Promise((resolve) => server.close(resolve))
    const error = await new Promise((resolve) => server.close(resolve))
    expect(error).toMatchObject({ code: 'ERR_SERVER_NOT_RUNNING' })
  })

  test('it can be served again by another listener, or listen itself', async () => {
    const { server } = await served((_request, response) => response.end('again'))
    server.close()
    await once(server, 'close')
    const other = await listenerFor()
    other.serve(server)
    await once(server, 'listening')
    expect(await getText(portOf(server))).toBe('again')
    await other.close({ timeout: 0 })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    expect(portOf(server)).toBeGreaterThan(0)
  })
})

describe('listener.close()', () => {
  test('stops accepting, lets open requests finish, then resolves', async () => {
    let finish: () => void = () => undefined
    const { listener, server } = await served((_request, response) => {
      finish = () => response.end('finished')
    })
    const port = portOf(server)
    const requested = once(server, 'request')
    const asking = getText(port)
    await requested
    let isClosed = false
    const closing = listener.close().then(() => (isClosed = true))
    expect(server.listening).toBe(false)
    expect(await newcomer(port)).toBe('ECONNREFUSED')
    await sleep(50)
    expect(isClosed).toBe(false)
    finish()
    expect(await asking).toBe('finished')
    await closing
  })

  test('idle keep-alive connections do not hold it up', async () => {
    const { listener } = await served((_request, response) => response.end('ok'))
    const client = await clientOf(listener)
    client.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
    await once(client, 'data')
    client.resume()
    await Promise.all([listener.close(), once(client, 'close')])
  })

  test('with a deadline: what is still open then is destroyed', async () => {
    const { listener, server } = await served(() => undefined)
    const client = await clientOf(listener)
    const requested = once(server, 'request')
    client.resume().write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
    const ended = once(client, 'close')
    await requested
    const started = performance.now()
    await listener.close({ timeout: 100 })
    expect(performance.now() - started).toBeGreaterThanOrEqual(99)
    await ended
  })

  test('a deadline that is not needed does not delay', async () => {
    const { listener } = await served((_request, response) => response.end())
    const started = performance.now()
    await listener.close({ timeout: 5000 })
    expect(performance.now() - started).toBeLessThan(4000)
  })

  test('again with a deadline, after it had none', async () => {
    const { listener, server } = await served(() => undefined)
    const client = await clientOf(listener)
    const requested = once(server, 'request')
    client.resume().write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
    await requested
    const first = listener.close()
    await sleep(20)
    await Promise.all([first, listener.close({ timeout: 0 })])
  })

  test("resolves inside the server's own 'close' event", async () => {
    const listener = await listenerFor()
    const server = net.createServer((socket) => socket.on('error', () => undefined))
    listener.serve(server)
    const accepting = once(server, 'connection') as Promise<[net.Socket]>
    await clientOf(listener)
    const [socket] = await accepting
    const closing = new Promise<void>((resolve, reject) => {
      server.on('close', () => void listener.close().then(resolve, reject))
    })
    server.close()
    socket.destroy()
    await closing
    await listener.close()
  })

  test('at once after serve()', async () => {
    const listener = await listenerFor()
    const server = net.createServer()
    let listened = false
    server.on('listening', () => (listened = true))
    listener.serve(server)
    await listener.close()
    expect(server.listening).toBe(false)
    await sleep(10)
    expect(listened).toBe(false)
  })

  test('await using', async () => {
    const before = openSockets()
    const server = net.createServer()
    {
      await using listener = await TcpListener.listen({ port: 0, host: '127.0.0.1' })
      listener.serve(server)
    }
    expect(server.listening).toBe(false)
    expect(openedSince(before)).toEqual([])
  })

  test.for([[{ timeout: -1 }], [{ timeout: 1.5 }], [{ timeout: '5' }], [{ timeout: 2 ** 31 }]])(
    '%j is refused, and nothing is closed',
    async ([options]) => {
      const listener = await listenerFor()
      await expect(listener.close(options as any)).rejects.toMatchObject({
        code: expect.stringMatching(/^ERR_(OUT_OF_RANGE|INVALID_ARG_TYPE)$/) as string,
      })
      expect(listener.closed).toBe(false)
    },
  )
})

test('a signal closes the served server, as server.listen({ signal }) does', async () => {
  const controller = new AbortController()
  const listener = await listenerFor({ signal: controller.signal })
  const server = net.createServer()
  await once(listener.serve(server), 'listening')
  const closing = once(server, 'close')
  controller.abort()
  await closing
  expect(listener.closed).toBe(true)
  onTestFinished(() => void server.close())
})
