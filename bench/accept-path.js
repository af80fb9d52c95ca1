/**
 * What a connection costs the server: CPU time, not connections per second, which the client limits. All
 * servers in turn in every round, in reversed order every other round. In a process of its own (run.js), since
 * the heap and the compiled code of other cases would count as well.
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { verify } from './floor.js'
import { servers } from './servers.js'
import { ratios, summarise } from './statistics.js'

process.once('message', async (size) => {
  process.send(await measureAcceptPath(size))
  process.disconnect()
})

/** For each server but the first, its ratio to the first. */
async function measureAcceptPath({ rounds, connections }) {
  const client = fork(fileURLToPath(new URL('client.js', import.meta.url)))
  const started = await Promise.all(Object.entries(servers).map(start))
  for (const each of started) await sample(each, client, connections)
  for (const each of started) each.samples = []
  for (let round = 0; round < rounds; round++) {
    const order = round % 2 === 0 ? started : started.toReversed()
    for (const each of order) each.samples.push(await sample(each, client, connections))
  }
  client.disconnect()
  for (const { server } of started) server.close()
  return resultOf(started)
}

async function start([name, { listen, expected, role }]) {
  const started = { name, role, accepted: 0, samples: [] }
  started.server = await listen((socket) => {
    if (started.accepted++ === 0) verify(socket._handle.fd, expected, 0, name)
    socket.resume()
  })
  return started
}

/** Microseconds of CPU time per connection. */
async function sample(started, client, connections) {
  started.accepted = 0
  const before = process.cpuUsage()
  client.send({ port: started.server.address().port, connections })
  const [{ error }] = await once(client, 'message')
  const { user, system } = process.cpuUsage(before)
  if (error !== undefined) throw new Error(`${started.name}: ${error}`)
  if (started.accepted !== connections) {
    throw new Error(`${started.name}: ${started.accepted} connections, not ${connections}`)
  }
  return (user + system) / connections
}

function resultOf([base, ...others]) {
  return {
    base: base.name,
    cases: others.map(({ name, role, samples }) => ({
      name,
      role,
      ...summarise(ratios(samples, base.samples)),
    })),
  }
}
