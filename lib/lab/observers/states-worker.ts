/** The thread of {@link StatesOverTime}. */
import { parentPort, workerData } from 'node:worker_threads'
import { tcpRows } from './proc-net-tcp.js'
import type { StateChange, StatesTask } from './states-over-time.js'

const { port, stop } = workerData as StatesTask
const changes: StateChange[] = []
let began: number | undefined

/** One look; how many milliseconds it took, which grows with the system's table of connections. */
function look(): number {
  const now = performance.now()
  const states = statesNow()
  const { client, server } = changes.at(-1) ?? { client: 'none', server: 'none' }
  if (states.client !== client || states.server !== server) {
    began ??= now
    changes.push({ time: Math.round((now - began) * 10) / 10, ...states })
  }
  return performance.now() - now
}

function statesNow(): Omit<StateChange, 'time'> {
  const { client, server } = read()
  if (client !== 'none' && server !== 'none') return { client, server }
  // An end that changes its table while it is read is in neither: none only if it is so twice.
  const again = read()
  return {
    client: client === 'none' ? again.client : client,
    server: server === 'none' ? again.server : server,
  }
}

function read(): Omit<StateChange, 'time'> {
  const rows = tcpRows(port).filter(({ remotePort }) => remotePort !== 0)
  return {
    client: rows.find(({ remotePort }) => remotePort === port)?.state ?? 'none',
    server: rows.find(({ localPort }) => localPort === port)?.state ?? 'none',
  }
}

look()
parentPort?.postMessage('looking')
while (Atomics.load(stop, 0) === 0) {
  const took = look()
  Atomics.wait(stop, 0, 0, Math.max(1, 2 * took))
}
look()
parentPort?.postMessage(changes)
