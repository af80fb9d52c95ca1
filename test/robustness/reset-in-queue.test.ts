/** A client that resets its connection before it is accepted. Windows has it without a peer then (ENOTCONN). */
import { once } from 'node:events'
import net from 'node:net'
import { expect, test } from 'vitest'
import { clientOf, listenerFor } from '../support/listeners.js'

test('is not counted by the server for ever: both close', async () => {
  const listener = await listenerFor({ backlog: 5 })
  const server = net.createServer((socket) => {
    socket.on('error', () => undefined)
    socket.resume().write('welcome')
  })
  const first = await clientOf(listener)
  listener.serve(server, { maxConnections: 1 })
  await once(server, 'connection')
  const impatient = await clientOf(listener)
  impatient.write('hello')
  impatient.resetAndDestroy()
  await once(impatient, 'close')
  const patient = await clientOf(listener)
  first.destroy()
  await once(patient, 'data')
  patient.destroy()
  // Waits until the server counts nobody.
  await listener.close()
  expect(await connectionsOf(server)).toBe(0)
}, 5000)

function connectionsOf(server: net.Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.getConnections((error, count) => (error === null ? resolve(count) : reject(error)))
  })
}
