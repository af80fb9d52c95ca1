/**
 * What a connection that comes and goes costs the server: CPU time, not connections per second, which the
 * client limits.
 */
import { answer, ask, start } from './child.js'
import { verify } from './floor.js'
import { listeners } from './listeners.js'
import { compared, inTurn, warmUp } from './rounds.js'
import { servers } from './servers.js'

/** Options: the client hangs up, and the server with it. Listeners: the server closes at once. */
const kinds = {
  options: { servers, handle: (socket) => socket.resume() },
  listeners: { servers: listeners, handle: (socket) => socket.destroy() },
}

answer(async ({ kind, rounds, connections }) => {
  const client = start('client.js')
  const { servers, handle } = kinds[kind]
  const started = await Promise.all(
    Object.entries(servers).map((server) => startServer(server, handle)),
  )
  const sampleOf = (each) => sample(each, client, connections)
  await warmUp(started, sampleOf)
  await inTurn(started, rounds, sampleOf)
  client.disconnect()
  for (const { server } of started) server.close()
  return compared(started)
})

async function startServer([name, { listen, expected, role }], handle) {
  const started = { name, role, accepted: 0 }
  started.server = await listen((socket) => {
    if (started.accepted++ === 0) verify(socket._handle.fd, expected, 0, name)
    handle(socket)
  })
  return started
}

/** Microseconds of CPU time per connection. */
async function sample(started, client, connections) {
  started.accepted = 0
  const before = process.cpuUsage()
  await ask(client, { port: started.server.address().port, connections })
  const { user, system } = process.cpuUsage(before)
  if (started.accepted !== connections) {
    throw new Error(`${started.name}: ${started.accepted} connections, not ${connections}`)
  }
  return (user + system) / connections
}
