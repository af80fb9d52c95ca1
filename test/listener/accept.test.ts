import { once } from 'node:events'
import net from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, onTestFinished, test } from 'vitest'
import { setLinger, type TcpListener } from '../../lib/index.js'
import { rejectionOf } from '../support/errors.js'
import { acceptedPair, clientOf, listenerFor, places } from '../support/listeners.js'
import { expectQueue, mayHaveQueued } from '../support/queues.js'
import { isWindows, isWine8 } from '../support/system.js'
import { until } from '../support/until.js'

async function accept(
  listener: TcpListener,
  options?: Parameters<TcpListener['accept']>[0],
): Promise<net.Socket> {
  const socket = await listener.accept(options)
  socket.on('error', () => undefined)
  onTestFinished(() => void socket.destroy())
  return socket
}

describe.each(places)('accept() on a %s socket', (_kind, place) => {
  const make = (): Promise<TcpListener> => listenerFor(place())

  test('takes who waits already, one at a time, with what was sent meanwhile', async () => {
    const listener = await make()
    for (const name of ['first', 'second']) (await clientOf(listener)).write(name)
    await until(() => mayHaveQueued(listener, 2))
    const first = await accept(listener)
    expectQueue(listener, { length: 1 })
    expect(first).toBeInstanceOf(net.Socket)
    expect(String((await once(first, 'data'))[0])).toBe('first')
    const second = await accept(listener)
    expect(String((await once(second, 'data'))[0])).toBe('second')
    expectQueue(listener, { length: 0 })
    expect(listener.accepted).toBe(2)
  })

  test('the socket works both ways and ends in order', async () => {
    const listener = await make()
    const { client, accepted } = await acceptedPair(listener)
    const closing = Promise.all([once(client, 'close'), once(accepted, 'close')])
    client.end('ping')
    accepted.on('data', (data) => accepted.end(`${String(data)} pong`))
    expect(String((await once(client, 'data'))[0])).toBe('ping pong')
    await closing
  })

  test('waits for a client that is still to come', async () => {
    const listener = await make()
    const waiting = accept(listener)
    await sleep(20)
    const client = await clientOf(listener)
    client.write('late')
    expect(String((await once(await waiting, 'data'))[0])).toBe('late')
  })

  test('several that wait are answered in order', async () => {
    const listener = await make()
    const answered: number[] = []
    const waiting = [0, 1, 2, 3].map(async (number) => {
      const socket = await accept(listener)
      answered.push(number)
      return String((await once(socket, 'data'))[0])
    })
    for (const name of ['a', 'b', 'c', 'd']) (await clientOf(listener)).write(name)
    expect(await Promise.all(waiting)).toEqual(['a', 'b', 'c', 'd'])
    expect(answered).toEqual([0, 1, 2, 3])
  })

  test('an aborted one leaves its connection in the queue for the next', async () => {
    const listener = await make()
    const controller = new AbortController()
    const aborted = rejectionOf(accept(listener, { signal: controller.signal }))
    controller.abort(new Error('enough'))
    expect(await aborted).toMatchObject({ name: 'AbortError', code: 'ABORT_ERR' })
    expect((await aborted).cause).toMatchObject({ message: 'enough' })
    const client = await clientOf(listener)
    client.write('still here')
    await sleep(50)
    expectQueue(listener, { length: 1 })
    expect(listener.accepted).toBe(0)
    expect(String((await once(await accept(listener), 'data'))[0])).toBe('still here')
  })

  test('one aborted between two others does not disturb their order', async () => {
    const listener = await make()
    const controller = new AbortController()
    const first = accept(listener)
    const aborted = rejectionOf(accept(listener, { signal: controller.signal }))
    const third = accept(listener)
    controller.abort()
    expect((await aborted).code).toBe('ABORT_ERR')
    for (const name of ['a', 'b']) (await clientOf(listener)).write(name)
    expect(String((await once(await first, 'data'))[0])).toBe('a')
    expect(String((await once(await third, 'data'))[0])).toBe('b')
  })

  test('closing rejects those that wait, and resets who is still queued', async () => {
    const listener = await make()
    const waiting = [rejectionOf(accept(listener)), rejectionOf(accept(listener))]
    const closing = once(listener, 'close')
    await listener.close()
    await closing
    for (const error of await Promise.all(waiting)) {
      expect(error).toMatchObject({ code: 'ERR_SOCKET_CLOSED', message: 'The listener is closed' })
    }
    const other = await make()
    const client = await clientOf(other)
    const failing = once(client, 'error')
    await other.close()
    expect((await failing)[0]).toMatchObject({ code: 'ECONNRESET' })
  })

  test('what was handed out outlives the listener', async () => {
    const listener = await make()
    const { client, accepted } = await acceptedPair(listener)
    await listener.close()
    client.write('alive')
    expect(String((await once(accepted, 'data'))[0])).toBe('alive')
  })
})

describe('accept()', () => {
  test('a signal that has been aborted before', async () => {
    const listener = await listenerFor()
    await clientOf(listener)
    const error = await rejectionOf(listener.accept({ signal: AbortSignal.abort() }))
    expect(error.code).toBe('ABORT_ERR')
    expectQueue(listener, { length: 1 })
  })

  test('a signal that is aborted too late changes nothing, and keeps no listener', async () => {
    const listener = await listenerFor()
    const controller = new AbortController()
    const waiting = accept(listener, { signal: controller.signal })
    await clientOf(listener)
    const socket = await waiting
    controller.abort()
    await sleep(10)
    expect(socket.destroyed).toBe(false)
  })

  test('on a closed listener', async () => {
    const listener = await listenerFor()
    await listener.close()
    expect((await rejectionOf(listener.accept())).code).toBe('ERR_SOCKET_CLOSED')
  })

  test.for([[{ signal: 5 }], [{ signal: {} }], [{ signal: new AbortController() }]])(
    'a signal that is none: %j',
    async ([options]) => {
      const listener = await listenerFor()
      const error = await rejectionOf(listener.accept(options as any))
      expect(error).toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' })
      expect(error.message).toContain('signal')
    },
  )

  test('a socket that its client has reset meanwhile is handed out all the same (Windows may pass it over, Wine 8 does)', async () => {
    const listener = await listenerFor()
    const passedOver = once(listener, 'acceptError') as Promise<[Error & { code: string }]>
    const client = await clientOf(listener)
    setLinger(client, 0)
    client.destroy()
    await once(client, 'close')
    const failing = accept(listener).then(
      async (socket) => once(socket, 'error') as Promise<[Error & { code: string }]>,
    )
    // When the listener is closed, if nobody was handed out.
    failing.catch(() => undefined)
    const [error] = await (isWine8
      ? passedOver
      : isWindows
        ? Promise.race([failing, passedOver])
        : failing)
    expect(error.code).toBe('ECONNRESET')
  })
})

describe('for await', () => {
  test('takes the next one when the body is done with the last', async () => {
    const listener = await listenerFor()
    for (let i = 0; i < 3; i++) await clientOf(listener)
    const accepted: number[] = []
    for await (const socket of listener) {
      accepted.push(listener.accepted)
      expectQueue(listener, { length: 3 - listener.accepted })
      await sleep(10)
      // Nothing has been accepted while the body was busy.
      accepted.push(listener.accepted)
      expectQueue(listener, { length: 3 - listener.accepted })
      socket.destroy()
      if (accepted.length === 6) break
    }
    expect(accepted).toEqual([1, 1, 2, 2, 3, 3])
  })

  test('break leaves the listener open and takes nothing more', async () => {
    const listener = await listenerFor()
    for (let i = 0; i < 2; i++) await clientOf(listener)
    for await (const socket of listener) {
      socket.destroy()
      break
    }
    await sleep(20)
    expect(listener.closed).toBe(false)
    expectQueue(listener, { length: 1 })
    await accept(listener)
  })

  test('ends when the listener is closed, in the body or while it waits', async () => {
    const inBody = await listenerFor()
    await clientOf(inBody)
    for await (const socket of inBody) {
      socket.destroy()
      await inBody.close()
    }
    const waiting = await listenerFor()
    setTimeout(() => void waiting.close(), 20)
    for await (const socket of waiting) socket.destroy()
    expect(waiting.closed).toBe(true)
  })

  test('two loops share the connections', async () => {
    const listener = await listenerFor()
    const counts = [0, 0]
    const loops = counts.map(async (_, i) => {
      for await (const socket of listener) {
        counts[i] = (counts[i] ?? 0) + 1
        await sleep(5)
        socket.destroy()
      }
    })
    for (let i = 0; i < 10; i++) await clientOf(listener)
    await until(() => listener.accepted === 10)
    await listener.close()
    await Promise.all(loops)
    expect(counts).toEqual([5, 5])
  })
})

describe('pause() and resume()', () => {
  test('a paused one lets accept() wait and leaves everyone in the queue', async () => {
    const listener = await listenerFor()
    expect(listener.pause()).toBe(listener)
    expect(listener.paused).toBe(true)
    let answered = 0
    const waiting = [accept(listener), accept(listener)]
    for (const each of waiting) void each.then(() => answered++)
    for (let i = 0; i < 3; i++) await clientOf(listener)
    await sleep(50)
    expect(answered).toBe(0)
    expectQueue(listener, { length: 3 })
    expect(listener.resume()).toBe(listener)
    await Promise.all(waiting)
    expectQueue(listener, { length: 1 })
  })

  test('paused while it waits', async () => {
    const listener = await listenerFor()
    const waiting = accept(listener)
    await sleep(10)
    listener.pause()
    await clientOf(listener)
    await sleep(50)
    expect(listener.accepted).toBe(0)
    listener.resume()
    await waiting
  })

  test('closing a paused one rejects too', async () => {
    const listener = await listenerFor()
    const waiting = rejectionOf(listener.accept())
    listener.pause()
    await listener.close()
    expect((await waiting).code).toBe('ERR_SOCKET_CLOSED')
  })
})

test('two hundred clients, two hundred answers', async () => {
  const listener = await listenerFor({ backlog: { hint: 300 } })
  const clients = await Promise.all(Array.from({ length: 200 }, () => clientOf(listener)))
  expectQueue(listener, { length: 200 })
  const sockets = await Promise.all(clients.map(() => accept(listener)))
  const ports = (list: net.Socket[], port: 'localPort' | 'remotePort'): unknown[] =>
    list.map((socket) => socket[port]).toSorted()
  expect(ports(sockets, 'remotePort')).toEqual(ports(clients, 'localPort'))
  expect(listener.counters).toEqual({ accepted: 200, droppedStale: 0, acceptErrors: 0 })
})
