/** Who gets in when the queue is full, and what the others see. */
import type net from 'node:net'
import { setUserTimeout } from '../../index.js'
import { apart } from '../linux-backlog/apart.js'
import { Burst, listen, portOf } from '../linux-backlog/burst.js'
import { compare } from '../linux-backlog/compare.js'
import { countersSince } from '../observers/netstat-counters.js'
import { countStates, tcpRows } from '../observers/proc-net-tcp.js'
import { establishedAt } from './established-at.js'
import { setSysctl } from '../observers/sysctl.js'
import { until } from '../observers/until.js'
import { platform } from '../../platform.js'
import type { Observation, Scenario } from '../scenario.js'

const onLinux = platform === 'linux'

/** As in the document: listen(5), one accept, and then no other; nine clients in all. */
async function oneAccepted(prepare?: (client: net.Socket) => void) {
  const listener = await listen({ backlog: 5 })
  const accepting = listener.accept()
  const port = portOf(listener)
  const first = new Burst(port, 1, prepare)
  await accepting
  await first.reached(1)
  return { listener, port, first, rest: new Burst(port, 8, prepare) }
}

async function whichConnectFails(): Promise<Observation> {
  const { port, first, rest } = await oneAccepted()
  await rest.settled()
  const outcomes = [...first.outcomes, ...rest.outcomes]
  const connected = outcomes.filter((outcome) => outcome === 'connected').length
  const firstLeftOut = outcomes.findIndex((outcome) => outcome !== 'connected') + 1
  const rows = onLinux ? tcpRows(port) : []
  const { ESTABLISHED: established } = countStates(rows.filter((row) => row.localPort === port))
  const { SYN_SENT: synSent } = countStates(rows)
  return compare({
    asDocumented: firstLeftOut === 7,
    seen: `${connected} of ${outcomes.length} connects succeed${firstLeftOut > 0 ? `; no. ${firstLeftOut} is the first that does not (${outcomes[firstLeftOut - 1]})` : ''}`,
    why: onLinux
      ? `Linux queues one connection more than the backlog: 1 accepted and ${connected - 1} queued`
      : undefined,
    data: {
      connected,
      firstLeftOut,
      outcomes,
      ...(onLinux && { established, synSent }),
    },
  })
}

/** The errors of those that the full queue leaves out, and when they came. */
async function leftOut(abortOnOverflow?: number) {
  if (abortOnOverflow !== undefined) setSysctl('ipv4.tcp_abort_on_overflow', abortOnOverflow)
  // Without a limit Linux would go on for more than two minutes.
  const { rest } = await oneAccepted((client) => {
    if (onLinux) setUserTimeout(client, 500)
  })
  await until(
    () => rest.count('waiting'),
    (waiting) => waiting === 0,
    6000,
  )
  const failed = rest.outcomes.flatMap((outcome, i) => (outcome === 'connected' ? [] : [i]))
  return {
    errors: failed.map((i) => rest.outcomes[i]),
    milliseconds: failed.map((i) => rest.times[i]),
  }
}

async function whatTheLeftOutSee(): Promise<Observation> {
  if (!onLinux) {
    const { errors, milliseconds } = await leftOut()
    return compare({
      asDocumented: errors.length > 0 && errors.every((error) => error === 'ECONNREFUSED'),
      seen: `the clients that find the queue full get ${errors.join(', ')} after ${milliseconds.join(', ')} ms`,
      data: { errors, milliseconds },
    })
  }
  const moved = countersSince('ListenOverflows', 'ListenDrops')
  const ordinary = await leftOut(0)
  const aborting = await leftOut(1)
  const errors = [...ordinary.errors, ...aborting.errors]
  return compare({
    asDocumented: errors.length > 0 && errors.every((error) => error === 'ECONNREFUSED'),
    seen: `no answer: with a limit of 500 ms, ${[...new Set(errors)].join(', ')} after ${ordinary.milliseconds.join(' and ')} ms; with tcp_abort_on_overflow = 1 after ${aborting.milliseconds.join(' and ')} ms`,
    why: 'Linux drops the SYN silently where Windows refuses; tcp_abort_on_overflow acts only on the last segment of a handshake (S0.12)',
    data: { ordinary, aborting, dropped: moved().ListenDrops },
  })
}

async function establishedUnaccepted(): Promise<Observation> {
  const listener = await listen({ backlog: 5 })
  const port = portOf(listener)
  const accepting = listener.accept()
  const burst = new Burst(port, 6)
  await accepting
  await burst.reached(6)
  const established = await until(
    () => establishedAt(port),
    (count) => count === 6,
  )
  if (!onLinux) {
    return compare({
      asDocumented: established === 6,
      seen: `${established} ESTABLISHED connections at the server's port, one of them accepted`,
      data: { established },
    })
  }
  const rows = tcpRows(port).filter((row) => row.state === 'ESTABLISHED' && row.localPort === port)
  const unaccepted = rows.filter(({ inode }) => inode === 0).length
  return compare({
    asDocumented: established === 6 && unaccepted === 5,
    seen: `${established} ESTABLISHED connections at the server's port, ${unaccepted} of them without an owner (inode 0) since nobody accepted them`,
    data: { established, unaccepted, queue: listener.queue },
  })
}

export const fullQueue: Scenario[] = [
  {
    id: 'S0.1',
    claim:
      'With listen(5) and one accept(), the 7th connect is the first that fails: no. 1 was accepted, no. 2 to 6 fill the queue.',
    of: 'Windows',
    documented:
      'Windows: 6 connects succeed, the 7th fails. Linux: the queue holds 6, so 7 succeed.',
    ...apart,
    run: whichConnectFails,
  },
  {
    id: 'S0.2',
    claim: 'A client that finds the queue full is refused at once.',
    of: 'Windows',
    documented: 'Windows: error 10061 (ECONNREFUSED) at once. Linux: no answer at all.',
    // Only Linux has a setting to try out.
    ...(onLinux && { namespace: {} }),
    run: whatTheLeftOutSee,
  },
  {
    id: 'S0.3',
    claim: 'Connections that nobody has accepted are ESTABLISHED all the same.',
    of: 'Windows',
    documented: 'netstat shows 6 ESTABLISHED connections although only one was accepted.',
    ...apart,
    run: establishedUnaccepted,
  },
]
