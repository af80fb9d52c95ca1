/** Two statements that are often made about closing without TIME_WAIT. */
import { once } from 'node:events'
import { closeWithoutTimeWait, setLinger } from '../../index.js'
import { compare } from '../linux-backlog/compare.js'
import { until } from '../observers/until.js'
import type { Observation, Scenario } from '../scenario.js'
import { type Ends, receive, type Received, repeat, statesOfEnds, tally, watch } from './closing.js'

const rounds = 20
const mebibyte = 2 ** 20

/** Ends, reads the server's end, and only then closes with SO_LINGER 0. */
async function endReadAndReset({ client, server }: Ends): Promise<Received> {
  const reading = receive(server)
  setLinger(client, 0)
  client.resume()
  client.end('test')
  await once(client, 'end')
  client.destroy()
  return reading
}

/** Ends, and closes with SO_LINGER 0 while the server, which has data to read first, has not ended. */
export async function endAndReset({ client, server, ports }: Ends) {
  setLinger(client, 0)
  client.end('test')
  const before = await until(
    () => statesOfEnds(ports),
    (states) => states.client === 'FIN_WAIT2',
  )
  client.destroy()
  await until(() => statesOfEnds(ports).server === 'none')
  return { before, received: await receive(server) }
}

async function endThenReset(): Promise<Observation> {
  const options = { allowHalfOpen: true }
  const afterEnd = await watch(endReadAndReset, options)
  const { timeWait } = await repeat(rounds, endReadAndReset, options)
  const beforeEnd = await watch(endAndReset, options)
  const isWithout = timeWait.client === 0 && afterEnd.left.client === 'none'
  return compare({
    asDocumented: isWithout,
    seen:
      `TIME_WAIT is left of ${timeWait.client} of ${rounds}; closed before the server has ended ` +
      `(in ${beforeEnd.result.before.client}) what is left is: ${beforeEnd.left.client}`,
    why:
      timeWait.client === rounds && beforeEnd.left.client === 'none'
        ? "TIME_WAIT begins when the server's FIN arrives in FIN_WAIT2, before close(), which then changes nothing"
        : undefined,
    data: { connections: rounds, timeWait, afterEnd, beforeEnd },
  })
}

async function sendAndCloseWithout({ client, server }: Ends, size: number): Promise<Received> {
  const reading = receive(server)
  client.write(Buffer.alloc(size))
  const { unacknowledged } = await closeWithoutTimeWait(client, { timeout: 5000 })
  if (unacknowledged > 0) throw new Error(`${unacknowledged} bytes not acknowledged within 5 s`)
  return reading
}

/** The server answers and closes; the client reads to the end and closes with SO_LINGER 0. */
async function serverEndsFirst({ client, server }: Ends): Promise<Received> {
  const reading = receive(client)
  setLinger(client, 0)
  server.write(Buffer.alloc(1000), () => server.destroy())
  const received = await reading
  client.destroy()
  return received
}

async function neither(): Promise<Observation> {
  const acknowledged = await watch((ends) => sendAndCloseWithout(ends, 4))
  const small = await repeat(rounds, (ends) => sendAndCloseWithout(ends, 4))
  const large = await repeat(5, (ends) => sendAndCloseWithout(ends, mebibyte))
  const serverFirst = await watch(serverEndsFirst, { allowHalfOpen: true })
  const ended = await repeat(rounds, serverEndsFirst, { allowHalfOpen: true })
  const groups = { small: summary(small, 4), large: summary(large, mebibyte) }
  const serverEnds = summary(ended, 1000)
  const all = [groups.small, groups.large, serverEnds]
  return compare({
    asDocumented: all.every(
      ({ complete, connections, waiting }) => complete === connections && waiting === 0,
    ),
    seen:
      `reset once all is acknowledged: ${groups.small.complete} of ${rounds} (4 bytes) and ${groups.large.complete} of 5 (1 MiB) ` +
      `complete, then ${Object.keys(groups.small.end).join(' or ')}, ${groups.small.waiting + groups.large.waiting} TIME_WAIT; ` +
      `reset once the server has ended: ${serverEnds.complete} of ${rounds} complete, ${serverEnds.waiting} TIME_WAIT`,
    data: { ...groups, serverEnds, acknowledged, serverFirst },
  })
}

function summary(
  { results, timeWait }: Awaited<ReturnType<typeof repeat<Received>>>,
  size: number,
) {
  return {
    connections: results.length,
    complete: results.filter(({ bytes }) => bytes === size).length,
    end: tally(results.map(({ end }) => end)),
    waiting: timeWait.client + timeWait.server,
  }
}

export const scenarios: readonly Scenario[] = [
  {
    id: 'S1.X1',
    claim:
      "Shutdown, reading the server's end and then closing with SO_LINGER 0 leaves no TIME_WAIT (often said, not in the document).",
    of: 'any',
    documented: 'no TIME_WAIT',
    platforms: ['linux'],
    namespace: {},
    run: endThenReset,
  },
  {
    id: 'S1.X2',
    claim:
      'A connection can be closed without loss and without TIME_WAIT (often asked, not in the document).',
    of: 'any',
    documented: 'all data arrives, no TIME_WAIT at either end',
    platforms: ['linux'],
    namespace: {},
    run: neither,
  },
]
