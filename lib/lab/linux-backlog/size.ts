/** What limits the backlog, and when a change of it counts. */
import { once } from 'node:events'
import net from 'node:net'
import { getAcceptQueue, setBacklog } from '../../index.js'
import { setSysctl, sysctlNumber } from '../observers/sysctl.js'
import { until } from '../observers/until.js'
import type { Observation, Scenario } from '../scenario.js'
import { Burst, listen, portOf } from './burst.js'
import { compare } from './compare.js'

const somaxconn = 'core.somaxconn'

async function limitFor(backlog: number): Promise<number> {
  const listener = await listen({ backlog })
  const { limit } = listener.queue
  await listener.close()
  return limit
}

/** Node passes a negative backlog on; we refuse it. */
async function limitForNegative(): Promise<number> {
  const server = net.createServer().listen({ port: 0, host: '127.0.0.1', backlog: -1 })
  await once(server, 'listening')
  return getAcceptQueue(server).limit
}

async function clamped(): Promise<Observation> {
  const limits: Record<string, number> = {}
  for (const backlog of [127, 128, 129, 100_000, 2 ** 31 - 1]) {
    limits[backlog] = await limitFor(backlog)
  }
  limits['-1'] = await limitForNegative()
  setSysctl(somaxconn, 0)
  const with0 = await limitFor(5)
  const isCut = Object.entries(limits).every(
    ([backlog, limit]) => limit === (backlog === '127' ? 127 : 128),
  )
  const list = Object.entries(limits).map(([backlog, limit]) => `${backlog} becomes ${limit}`)
  return compare({
    asDocumented: isCut && with0 === 0,
    seen: `with somaxconn = 128 a backlog of ${list.join(', ')}; with somaxconn = 0 a backlog of 5 becomes ${with0}; listen() reports no error`,
    data: { limits, with0 },
  })
}

function refusalOf(value: number): string {
  try {
    setSysctl(somaxconn, value)
    return 'accepted'
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'error'
  }
}

async function changed(): Promise<Observation> {
  const before = sysctlNumber(somaxconn)
  const limitBefore = await limitFor(1000)
  setSysctl(somaxconn, 256)
  const after = sysctlNumber(somaxconn)
  const limitAfter = await limitFor(1000)
  const negative = refusalOf(-1)
  return compare({
    asDocumented: after === 256 && limitAfter === 256,
    seen: `somaxconn goes from ${before} to ${after}, and a backlog of 1000 becomes ${limitAfter} instead of ${limitBefore}; -1 is ${negative}`,
    data: { before, after, limitBefore, limitAfter, negative },
  })
}

async function liveListener(): Promise<Observation> {
  const live = await listen({ backlog: 1000 })
  const before = live.queue.limit
  setSysctl(somaxconn, 256)
  const after = live.queue.limit
  const later = await limitFor(1000)
  return compare({
    asDocumented: before === 128 && after === 128 && later === 256,
    seen: `somaxconn goes from 128 to 256: the live listener's backlog is ${before} before and ${after} after, that of the next listen() ${later}`,
    data: { before, after, later },
  })
}

async function enlargedAlive(): Promise<Observation> {
  const listener = await listen({ backlog: 3 })
  const port = portOf(listener)
  const burst = await new Burst(port, 6).settled()
  const connectedBefore = burst.count('connected')
  const began = performance.now()
  setBacklog(listener, 128)
  const { limit } = listener.queue
  const connectedAfter = await burst.reached(6)
  const admittedAfter = Math.round(performance.now() - began)
  const { length } = await until(
    () => listener.queue,
    (queue) => queue.length === 6,
  )
  setBacklog(listener, 1)
  const shrunk = listener.queue
  const next = await new Burst(port, 1).settled()
  return compare({
    // The document: only after a restart.
    asDocumented: limit === 3 || connectedAfter === connectedBefore,
    seen: `listen() again on the live socket: the backlog goes from 3 to ${limit}, ${connectedAfter} instead of ${connectedBefore} clients are connected ${admittedAfter} ms later; after one to 1 all ${shrunk.length} stay queued, and the next connect is ${next.outcomes[0]}`,
    why: 'listen() on a socket that listens already changes its backlog at once; waiting clients get in at their next SYN',
    data: {
      connectedBefore,
      limit,
      connectedAfter,
      admittedAfter,
      queued: length,
      shrunk,
      nextConnect: next.outcomes[0],
    },
  })
}

const with128 = { settings: { 'core/somaxconn': 128 } }

export const size: Scenario[] = [
  {
    id: 'S3.8',
    claim: 'A backlog above somaxconn is silently cut to somaxconn.',
    of: 'Linux',
    documented: 'Linux: the smaller of the two counts.',
    platforms: ['linux'],
    namespace: with128,
    run: clamped,
  },
  {
    id: 'S3.9',
    claim: 'somaxconn can be changed while the system runs.',
    of: 'Linux',
    documented: 'Linux: `sysctl net.core.somaxconn=256` makes it 256.',
    platforms: ['linux'],
    namespace: with128,
    run: changed,
  },
  {
    id: 'S3.10',
    claim: 'A changed somaxconn counts for later calls of listen(), not for listeners that live.',
    of: 'Linux',
    documented: 'Linux: the live listener keeps its backlog.',
    platforms: ['linux'],
    namespace: with128,
    run: liveListener,
  },
  {
    id: 'S3.11',
    claim: 'To give a running service a longer queue it has to be restarted.',
    of: 'Linux',
    documented: 'Linux: raise somaxconn and the service’s own backlog, then restart it.',
    platforms: ['linux'],
    run: enlargedAlive,
  },
]
