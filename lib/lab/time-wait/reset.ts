/** Closing with SO_LINGER 0: no TIME_WAIT, RST, and what that does to the server's reads. */
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { setLinger } from '../../index.js'
import { compare } from '../linux-backlog/compare.js'
import { countersSince } from '../observers/netstat-counters.js'
import type { Observation, Scenario } from '../scenario.js'
import {
  connected,
  type Ends,
  listener,
  privately,
  receive,
  type Received,
  repeat,
  tally,
  watch,
  write,
} from './closing.js'

/** Connections of which a statement about "always" is tried. */
const rounds = 20

async function resetAfterData({ client, server }: Ends): Promise<void> {
  setLinger(client, 0)
  client.write('test')
  await once(server, 'data')
  client.destroy()
}

async function quiet(): Promise<Observation> {
  const once = await watch(resetAfterData)
  const { timeWait } = await repeat(rounds, resetAfterData)
  const isQuiet = once.left.client === 'none' && once.left.server === 'none'
  return compare({
    asDocumented: isQuiet && timeWait.client + timeWait.server === 0,
    seen: `${rounds} connections closed: ${timeWait.client} TIME_WAIT at the client, ${timeWait.server} at the server`,
    data: { connections: rounds, timeWait, ...once },
  })
}

async function sendsReset(): Promise<Observation> {
  const aborts = countersSince('TCPAbortOnData')
  const closing = await watch(async (ends) => {
    const reading = receive(ends.server)
    await resetAfterData(ends)
    return reading
  })
  const { TCPAbortOnData: counted } = aborts()
  const { ladder, result } = closing
  const onWire = ladder === undefined || / >RA?$/.test(ladder)
  return compare({
    asDocumented: onWire && result.end === 'ECONNRESET' && counted === 1,
    seen: `on the wire ${ladder ?? '(not captured)'}; the server reads ${result.bytes} bytes, then ${result.end}; TCPAbortOnData +${counted}`,
    data: { server: result, counters: { TCPAbortOnData: counted }, ...closing },
  })
}

/** Sends and closes at once, or after a pause; what the server, which is reading, gets. */
async function sendAndReset({ client, server }: Ends, pause: number): Promise<Received> {
  const reading = receive(server)
  setLinger(client, 0)
  client.write('test')
  if (pause > 0) await sleep(pause)
  client.destroy()
  return reading
}

/** Sends and closes before the server has even accepted the connection. */
async function resetWhileQueued(data: Buffer): Promise<Received> {
  const server = await listener()
  const client = await connected(server)
  setLinger(client, 0)
  await write(client, data)
  client.destroy()
  const accepted = await server.accept()
  const received = await receive(accepted)
  await server.close()
  return received
}

function summary(results: readonly Received[], size: number) {
  return {
    connections: results.length,
    complete: results.filter(({ bytes }) => bytes === size).length,
    end: tally(results.map(({ end }) => end)),
  }
}

const mebibyte = 2 ** 20

async function readFails(): Promise<Observation> {
  const { results } = await repeat(rounds, (ends) => sendAndReset(ends, 0))
  const queued: Received[] = []
  for (let i = 0; i < rounds; i++) queued.push(await resetWhileQueued(Buffer.from('test')))
  const large: Received[] = []
  for (let i = 0; i < 3; i++) large.push(await resetWhileQueued(Buffer.alloc(mebibyte)))
  const small = [...results, ...queued]
  const lost = small.filter(({ bytes }) => bytes < 4).length
  const cut = large.filter(({ bytes }) => bytes < mebibyte).length
  const complete = small.length - lost
  const isReset = [...small, ...large].every(({ end }) => end === 'ECONNRESET')
  return compare({
    // "with high probability"
    asDocumented: lost > small.length / 2,
    seen:
      `4 bytes: ${complete} of ${small.length} read completely, then ${endsOf(small)}; ` +
      `1 MiB that the server does not read yet: ${cut} of ${large.length} cut short, at ${large[0]?.bytes} bytes`,
    why:
      lost === 0 && isReset
        ? 'on Linux what the peer has received stays readable after RST, and the error comes behind it; lost is only what did not fit its window'
        : undefined,
    data: {
      small: { reading: summary(results, 4), queued: summary(queued, 4) },
      large: { ...summary(large, mebibyte), bytes: large.map(({ bytes }) => bytes) },
    },
  })
}

function endsOf(results: readonly Received[]): string {
  return Object.keys(tally(results.map(({ end }) => end))).join(' or ')
}

async function shortSleep(): Promise<Observation> {
  const atOnce = await repeat(rounds, (ends) => sendAndReset(ends, 0))
  const slept = await repeat(rounds, (ends) => sendAndReset(ends, 1))
  const closing = await watch((ends) => sendAndReset(ends, 1))
  const [without, after] = [summary(atOnce.results, 4), summary(slept.results, 4)]
  return compare({
    asDocumented: without.complete < rounds && after.complete === rounds,
    seen:
      `without a pause the server reads ${without.complete} of ${rounds} completely, then ${endsOf(atOnce.results)}; ` +
      `after 1 ms ${after.complete} of ${rounds}, then ${endsOf(slept.results)}`,
    why:
      without.complete === rounds && after.end.ECONNRESET === rounds
        ? 'on Linux there is nothing to cure: no data is lost without the pause, and a server that reads on is told of the reset with it too'
        : undefined,
    data: { withoutPause: without, afterPause: after, timeWait: slept.timeWait, ...closing },
  })
}

export const scenarios: readonly Scenario[] = [
  {
    id: 'S1.6',
    claim: 'With SO_LINGER on and 0 seconds, closing leaves no TIME_WAIT at either end.',
    of: 'Windows',
    documented: 'netstat shows only the listener',
    ...privately,
    run: quiet,
  },
  {
    id: 'S1.7',
    claim: 'With SO_LINGER on and 0 seconds, close sends RST instead of FIN.',
    of: 'Windows',
    documented: 'RST',
    platforms: ['linux'],
    namespace: {},
    run: sendsReset,
  },
  {
    id: 'S1.8',
    claim:
      "With SO_LINGER on and 0 seconds, sending and closing at once makes the server's read fail with high probability.",
    of: 'Windows',
    documented: 'read fails with 10054, "forcibly closed by the remote host"',
    run: readFails,
  },
  {
    id: 'S1.9',
    claim:
      'A pause of 1 ms before that close cures the failing reads, nearly always on one machine.',
    of: 'Windows',
    documented: 'no exception at the server',
    ...privately,
    run: shortSleep,
  },
]
