/** A client whose last act is to read the answer, then to close with SO_LINGER 0. */
import { once } from 'node:events'
import { setLinger } from '../../index.js'
import { compare } from '../linux-backlog/compare.js'
import { statesOf } from '../observers/states-over-time.js'
import { until } from '../observers/until.js'
import type { Observation, Scenario } from '../scenario.js'
import {
  type Ends,
  privately,
  receive,
  repeat,
  statesOfEnds,
  type Watched,
  watch,
  write,
} from './closing.js'

const rounds = 20

interface Exchange {
  reply: string
  serverErrors: number
}

/** The document's server: it reads, answers OK and closes. The client has the answer when this is over. */
export async function exchange({ client, server }: Ends): Promise<Exchange> {
  const outcome: Exchange = { reply: '', serverErrors: 0 }
  server.on('error', () => outcome.serverErrors++)
  server.once('data', () => void write(server, 'OK').then(() => server.destroy()))
  setLinger(client, 0)
  const answered = once(client, 'data') as Promise<[Buffer]>
  client.write('test')
  outcome.reply = (await answered).toString()
  return outcome
}

async function readAndClose(ends: Ends): Promise<Exchange> {
  const outcome = await exchange(ends)
  ends.client.destroy()
  if (!ends.server.closed) await once(ends.server, 'close')
  return outcome
}

async function lastActIsRead(): Promise<Observation> {
  const closing = await watch(readAndClose)
  const { results, timeWait } = await repeat(rounds, readAndClose)
  const complete = results.filter(({ reply }) => reply === 'OK').length
  const errors = results.reduce((sum, { serverErrors }) => sum + serverErrors, 0)
  const waiting = timeWait.client + timeWait.server
  return compare({
    asDocumented: waiting === 0 && complete === rounds && errors === 0,
    seen: `${rounds} connections: ${waiting} TIME_WAIT, ${complete} replies complete, ${errors} errors at the server`,
    data: { connections: rounds, timeWait, complete, serverErrors: errors, ...closing },
  })
}

/** The client closes once it has read the answer and the server's end. */
async function readToEnd(ends: Ends): Promise<Exchange> {
  const reading = receive(ends.client)
  const outcome = await exchange(ends)
  await reading
  ends.client.destroy()
  return outcome
}

async function serverFirst(): Promise<Observation> {
  const options = { allowHalfOpen: true }
  const closing = await watch(readToEnd, options)
  const { timeWait } = await repeat(rounds, readToEnd, options)
  const { left, ladder, states } = closing
  const isServerFirst =
    ladder === undefined
      ? statesOf('server', states).some((state) => state.startsWith('FIN_WAIT'))
      : /<F?P?A\(2\).* <FA .*>RA?$/.test(ladder)
  const waiting = timeWait.client + timeWait.server
  return compare({
    asDocumented: isServerFirst && left.server === 'none' && waiting === 0,
    seen: `the server's FIN comes before the client's RST: ${ladder ?? 'not captured'}; ${waiting} of ${rounds} TIME_WAIT`,
    data: { connections: rounds, timeWait, ...closing },
  })
}

/** The client closes once the server's FIN has been acknowledged. */
async function waitForFinWait2(ends: Ends) {
  const reading = receive(ends.client)
  await exchange(ends)
  await reading
  const { ports } = ends
  const began = performance.now()
  const before = await until(
    () => statesOfEnds(ports),
    ({ server }) => server === 'FIN_WAIT2',
  )
  const afterMs = Math.round(performance.now() - began)
  ends.client.destroy()
  return { before, afterMs }
}

async function removedByReset(): Promise<Observation> {
  const closing = await watch(waitForFinWait2, { allowHalfOpen: true })
  const { result, left, ladder } = closing
  return compare({
    asDocumented:
      result.before.server === 'FIN_WAIT2' &&
      left.server === 'none' &&
      left.client === 'none' &&
      hasReset(closing),
    seen:
      `server ${result.before.server}, client ${result.before.client}; after the client's close server ${left.server}, ` +
      `client ${left.client}: ${ladder ?? 'not captured'}`,
    data: { ...result, ...closing },
  })
}

function hasReset({ ladder }: Watched): boolean {
  return ladder === undefined || / <FA >A >RA?$/.test(ladder)
}

export const scenarios: readonly Scenario[] = [
  {
    id: 'S1.16',
    claim:
      "If the client's last act is to read the reply, SO_LINGER with 0 seconds leaves no TIME_WAIT and causes no error.",
    of: 'Windows',
    documented: 'no TIME_WAIT, no exception',
    ...privately,
    run: lastActIsRead,
  },
  {
    id: 'S1.17',
    claim: 'There the server closes first, and still has no TIME_WAIT.',
    of: 'Windows',
    documented: 'no TIME_WAIT at the server',
    ...privately,
    run: serverFirst,
  },
  {
    id: 'S1.18',
    claim:
      "Presumably the server's FIN is acknowledged (FIN_WAIT2), and then the client's RST removes the connection.",
    of: 'Windows',
    documented: "the author's guess: FIN_WAIT2, removed by RST",
    platforms: ['linux'],
    namespace: {},
    run: removedByReset,
  },
]
