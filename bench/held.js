/** What a connection costs in memory while it is open. Two new processes for every sample: heaps differ by their past. */
import { readFileSync } from 'node:fs'
import { ask, start } from './child.js'
import { listeners } from './listeners.js'
import { compared, inTurn } from './rounds.js'

/** Bytes per connection of the first, and for each other its ratio to the first. */
export async function measureHeld({ rounds, connections }) {
  const possible = Math.min(connections, descriptors(), ports())
  const cases = Object.entries(listeners)
    .filter(([, { isServer }]) => isServer)
    .map(([name, { role }]) => ({ name, role }))
  await inTurn(cases, rounds, (each) => sample(each, possible))
  return { connections: possible, ...compared(cases) }
}

async function sample({ name }, connections) {
  const [server, client] = [start('held-server.js'), start('holding-client.js')]
  try {
    const before = await ask(server, { name })
    await ask(client, { port: before.port, connections })
    const after = await ask(server, { connections })
    return (after.rss - before.rss) / connections
  } finally {
    server.kill()
    client.kill()
  }
}

/** Node raises its limit to the hard one; some descriptors are its own. */
function descriptors() {
  const { hard } = process.report.getReport().userLimits.open_files
  return hard === 'unlimited' ? Infinity : hard - 100
}

/** The ports of one address, of which other programs have some. */
function ports() {
  const range = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8')
  const [first, last] = range.trim().split(/\s+/).map(Number)
  return Math.floor((last - first) * 0.9)
}
