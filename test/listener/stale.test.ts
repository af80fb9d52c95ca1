/** Clients that have gone before they were accepted (document 002): kept, as the kernel does, or dropped. */
import { once } from 'node:events'
import net from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { Stale, TcpListener } from '../../lib/index.js'
import { rejectionOf } from '../support/errors.js'
import { clientOf, listenerFor, places } from '../support/listeners.js'
import { expectQueue } from '../support/queues.js'
import { isRealWindows, isWine, isWine8 } from '../support/system.js'
import { until } from '../support/until.js'

interface Client {
  name: string
  /** What a client does while it waits; resolves when it has left its kernel. */
  does: (client: net.Socket) => Promise<unknown> | undefined
  droppedBy: Stale[]
  /** What the program reads from it, if it was kept. */
  sent: string
  /** Which a Unix socket cannot. */
  resets?: boolean
}

const written = (client: net.Socket, text: string): Promise<void> =>
  new Promise((resolve) => client.write(text, () => resolve()))

const clients: Client[] = [
  { name: 'is alive and silent', does: () => undefined, droppedBy: [], sent: '' },
  {
    name: 'is alive and has sent',
    does: (client) => written(client, 'request'),
    droppedBy: [],
    sent: 'request',
  },
  {
    name: 'has reset',
    does: (client) => once(client.resetAndDestroy(), 'close'),
    droppedBy: ['drop-reset', 'drop-ended'],
    sent: '',
    resets: true,
  },
  {
    name: 'has sent and reset',
    async does(client) {
      await written(client, 'request')
      await once(client.resetAndDestroy(), 'close')
    },
    droppedBy: ['drop-reset', 'drop-ended'],
    sent: 'request',
    resets: true,
  },
  {
    name: 'has finished without a word, and waits for an answer',
    does: (client) => once(client.end(), 'finish'),
    droppedBy: ['drop-ended'],
    sent: '',
  },
  {
    name: 'has closed without a word',
    does: (client) => once(client.destroy(), 'close'),
    droppedBy: ['drop-ended'],
    sent: '',
  },
  {
    name: 'has sent its request and half-closed',
    does: (client) => once(client.end('request'), 'finish'),
    droppedBy: [],
    sent: 'request',
  },
  {
    name: 'has sent its request and closed',
    async does(client) {
      await written(client, 'request')
      await once(client.destroy(), 'close')
    },
    droppedBy: [],
    sent: 'request',
  },
]

/** Everything that an accepted socket brings, until it ends, fails, or is silent. */
async function textOf(socket: net.Socket): Promise<string> {
  let text = ''
  socket.on('error', () => undefined)
  socket.on('data', (data) => (text += String(data)))
  await Promise.race([once(socket, 'close').catch(() => undefined), sleep(30)])
  socket.destroy()
  return text
}

async function gone(listener: TcpListener, { does }: Client): Promise<void> {
  const client = await clientOf(listener, { allowHalfOpen: true })
  await does(client)
}

/** What can be read of what a client has sent. Wine 10 hands out who has reset, without it. */
function whatIsLeft({ sent, resets }: Client): string {
  return isWine && resets ? '' : sent
}

describe.each(places)('on a %s socket', (place, options) => {
  describe.each(['keep', 'drop-reset', 'drop-ended', undefined] as const)("stale '%s'", (stale) => {
    const isDropping = stale === 'drop-reset' || stale === 'drop-ended'
    // Windows may pass over who has reset although nobody asked for it; Wine 8 does.
    const possible = clients.filter(
      ({ resets }) => !resets || (place === 'TCP' && (isDropping || !isRealWindows)),
    )
    test.for(possible)('a client that $name', async (client) => {
      const listener = await listenerFor({ ...options(), ...(stale && { stale }) })
      await gone(listener, client)
      const alive = await clientOf(listener)
      await written(alive, 'alive')
      expectQueue(listener, { length: 2 })

      listener.on('acceptError', () => undefined)
      const isDropped = client.droppedBy.includes(stale ?? 'keep')
      const isPassedOver = isWine8 && client.resets === true && !isDropping
      const isGone = isDropped || isPassedOver
      const first = await listener.accept()
      expect(listener.droppedStale).toBe(isDropped ? 1 : 0)
      expectQueue(listener, { length: isGone ? 0 : 1 })
      if (!isGone) {
        expect(await textOf(first)).toBe(whatIsLeft(client))
        expect(await textOf(await listener.accept())).toBe('alive')
      } else {
        expect(await textOf(first)).toBe('alive')
      }
      expect(listener.counters).toEqual({
        accepted: isGone ? 1 : 2,
        droppedStale: isDropped ? 1 : 0,
        acceptErrors: isPassedOver ? 1 : 0,
      })
    })
  })
})

test('who half-closed after its request still gets the answer', async () => {
  const listener = await listenerFor({ stale: 'drop-ended' })
  const client = await clientOf(listener, { allowHalfOpen: true })
  client.end('request')
  await once(client, 'finish')
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('data', (data) => socket.end(`answer to ${String(data)}`))
  })
  listener.serve(server)
  expect(String((await once(client, 'data'))[0])).toBe('answer to request')
})

test('a server never sees those that are dropped, and they take no place', async () => {
  const listener = await listenerFor({ stale: 'drop-ended', backlog: 100 })
  for (let i = 0; i < 20; i++) {
    const client = await clientOf(listener)
    if (i % 2 === 0) client.resetAndDestroy()
    else client.destroy()
    await once(client, 'close')
    if (i % 5 === 0) (await clientOf(listener)).write('alive')
  }
  expectQueue(listener, { length: 24 })
  let seen = 0
  const server = net.createServer((socket) => {
    seen++
    socket.on('error', () => undefined)
    socket.on('data', () => socket.destroy())
  })
  listener.serve(server, { maxConnections: 1 })
  onTestFinished(() => void server.close())
  await until(() => listener.droppedStale === 20 && seen === 4)
  expectQueue(listener, { length: 0 })
  expect(listener.counters).toEqual({ accepted: 4, droppedStale: 20, acceptErrors: 0 })
})

test('only those that are gone wait: accept() goes on waiting', async () => {
  const listener = await listenerFor({ stale: 'drop-reset' })
  for (let i = 0; i < 3; i++) {
    const client = await clientOf(listener)
    client.resetAndDestroy()
    await once(client, 'close')
  }
  const waiting = listener.accept()
  await until(() => listener.droppedStale === 3)
  const client = await clientOf(listener)
  expect((await waiting).remotePort).toBe(client.localPort)
})

test.for(['dropped', '', null, 1, true])('stale: %j is refused', async (stale) => {
  const error = await rejectionOf(listenerFor({ stale: stale as Stale }))
  expect(error.code).toBe('ERR_INVALID_ARG_VALUE')
  expect(error.message).toContain("options.stale' must be 'keep', 'drop-reset' or 'drop-ended'")
})
