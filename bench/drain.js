/**
 * What a connection costs that waited in the kernel's queue, after a time in which the event loop did
 * something else: CPU time of accepting and closing all of them.
 */
import { getAcceptQueue } from '../dist/index.js'
import { answer, ask, start } from './child.js'
import { listeners } from './listeners.js'
import { compared, inTurn, warmUp } from './rounds.js'

answer(async ({ rounds, connections }) => {
  const client = start('holding-client.js')
  const started = await Promise.all(Object.entries(listeners).map(startServer))
  const sampleOf = (each) => sample(each, client, connections)
  await warmUp(started, sampleOf)
  await inTurn(started, rounds, sampleOf)
  client.disconnect()
  for (const { server } of started) server.close()
  return { connections, ...compared(started) }
})

async function startServer([name, { listen, role }]) {
  const started = { name, role, closed: 0 }
  const onClose = () => {
    if (++started.closed === started.expected) started.done()
  }
  started.server = await listen((socket) => socket.on('close', onClose).destroy())
  return started
}

/** Microseconds of CPU time per connection. */
async function sample(started, client, connections) {
  globalThis.gc()
  const done = new Promise((resolve) => {
    Object.assign(started, { closed: 0, expected: connections, done: resolve })
  })
  const connected = ask(client, { port: started.server.address().port, connections })
  blockUntilQueued(started, connections)
  const before = process.cpuUsage()
  await done
  const { user, system } = process.cpuUsage(before)
  await connected
  await ask(client, { until: 'closed' })
  return (user + system) / connections
}

/** The event loop stands still, so nobody accepts. */
function blockUntilQueued({ name, server }, connections) {
  const cell = new Int32Array(new SharedArrayBuffer(4))
  const deadline = Date.now() + 20_000
  while (getAcceptQueue(server).length < connections) {
    Atomics.wait(cell, 0, 0, 2)
    if (Date.now() > deadline) throw new Error(`${name}: not all connections came`)
  }
}
