import { once } from 'node:events'
import net from 'node:net'
import { expect, test } from 'vitest'
import { clientOf, listenerFor } from '../support/listeners.js'
import { mayHaveQueued } from '../support/queues.js'
import { until } from '../support/until.js'

test('a loop over many waiting connections lets the event loop turn', async () => {
  const listener = await listenerFor({ backlog: { hint: 300 } })
  for (let i = 0; i < 200; i++) await clientOf(listener)
  await until(() => mayHaveQueued(listener, 200))
  let turns = 0
  const count = (): void => {
    turns++
    if (listener.accepted < 200) setImmediate(count)
  }
  setImmediate(count)
  for await (const socket of listener) {
    socket.destroy()
    if (listener.accepted === 200) break
  }
  // 64 at a time: 200 take more than three turns.
  expect(turns).toBeGreaterThanOrEqual(3)
})

test('and none of them waits for the next connection', async () => {
  const listener = await listenerFor({ backlog: { hint: 300 } })
  const clients: net.Socket[] = []
  for (let i = 0; i < 100; i++) clients.push(await clientOf(listener))
  const accepted = await Promise.all(clients.map(() => listener.accept()))
  expect(accepted.every((socket) => socket instanceof net.Socket)).toBe(true)
  for (const socket of accepted) socket.destroy()
  await Promise.all(clients.map((client) => once(client, 'close')))
})
