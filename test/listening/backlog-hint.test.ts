/** `backlog: { hint }`: a negative number for Windows' listen(), the plain one for others (lib/listen-options.ts). */
import net from 'node:net'
import { describe, expect, test } from 'vitest'
import { getAcceptQueue, listenWithBacklog } from '../../lib/index.js'
import { clientOf, listenerFor } from '../support/listeners.js'
import { expectQueue } from '../support/queues.js'
import { closeAtEnd, connected, portOf } from '../support/sockets.js'
import { isWindows } from '../support/system.js'

describe.skipIf(isWindows)('the plain number (skipped on Windows, which does not tell)', () => {
  test.for([200, 300, 1000])('%s, of a server and of a listener', async (hint) => {
    const server = net.createServer()
    closeAtEnd(server)
    await listenWithBacklog(server, { port: 0, host: '127.0.0.1', backlog: { hint } })
    expect(getAcceptQueue(server).limit).toBe(hint)
    expect((await listenerFor({ backlog: { hint } })).queue.limit).toBe(hint)
  })
})

test('a listener has room for as many as the hint says, none of them accepted', async () => {
  const listener = await listenerFor({ backlog: { hint: 200 } })
  for (let i = 0; i < 200; i++) await clientOf(listener)
  expectQueue(listener, { length: 200 })
  expect(listener.accepted).toBe(0)
})

test.runIf(isWindows).for([200, 65_535])(
  'a server with the hint %s serves (Windows)',
  async (hint) => {
    const server = net.createServer((socket) => socket.end('welcome'))
    closeAtEnd(server)
    await listenWithBacklog(server, { port: 0, host: '127.0.0.1', backlog: { hint } })
    const client = await connected({ port: portOf(server), host: '127.0.0.1' })
    expect(String(Buffer.concat((await client.toArray()) as Buffer[]))).toBe('welcome')
  },
)
