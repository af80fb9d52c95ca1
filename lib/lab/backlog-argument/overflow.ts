/** What an accept queue that is full does, and where it can be read. */
import { spawnSync } from 'node:child_process'
import { getOption } from '../../index.js'
import { apart } from '../linux-backlog/apart.js'
import { Burst, listen, portOf } from '../linux-backlog/burst.js'
import { cannotShow, compare } from '../linux-backlog/compare.js'
import { countersSince } from '../observers/netstat-counters.js'
import { tcpRows } from '../observers/proc-net-tcp.js'
import { setSysctl, sysctlNumber } from '../observers/sysctl.js'
import { until } from '../observers/until.js'
import type { Observation, Scenario } from '../scenario.js'
import { listenHalfDeaf } from './half-deaf.js'

/**
 * The last segment of a handshake meets a full queue. TCP_DEFER_ACCEPT keeps the victim's handshake open
 * until it sends data; meanwhile two others take its place.
 */
async function lastSegmentAtFullQueue(abortOnOverflow: number) {
  setSysctl('ipv4.tcp_abort_on_overflow', abortOnOverflow)
  const overflows = countersSince('ListenOverflows')
  const listener = await listen({ backlog: 1, socketOptions: { TCP_DEFER_ACCEPT: 10 } })
  const port = portOf(listener)
  const victim = new Burst(port, 1)
  await victim.reached(1)
  const fillers = new Burst(port, 2)
  await fillers.reached(2)
  for (const filler of fillers.clients) filler.write('x')
  await until(
    () => listener.queue.length,
    (length) => length === 2,
  )
  const began = performance.now()
  const since = (): number => Math.round(performance.now() - began)
  let error: string | undefined
  let failedAfter: number | undefined
  victim.clients[0]?.once('error', ({ code }: NodeJS.ErrnoException) => {
    error = code
    failedAfter = since()
  })
  victim.clients[0]?.write('victim')
  await until(() => error !== undefined || overflows().ListenOverflows > 0)
  if (error === undefined) await until(() => error !== undefined, Boolean, 100)
  if (error !== undefined) return { error, failedAfter }
  const ignored = overflows().ListenOverflows
  for (let i = 0; i < 2; i++) (await listener.accept()).destroy()
  const accepted = await listener.accept({ signal: AbortSignal.timeout(5000) })
  const received = await new Promise<string>((resolve) =>
    accepted.once('data', (data) => resolve(data.toString())),
  )
  return { ignored, received, receivedAfter: since() }
}

async function abortOnOverflow(): Promise<Observation> {
  const value = sysctlNumber('ipv4.tcp_abort_on_overflow')
  const off = await lastSegmentAtFullQueue(0)
  const on = await lastSegmentAtFullQueue(1)
  return compare({
    asDocumented: value === 0 && off.received === 'victim' && on.error === 'ECONNRESET',
    seen: `the value is ${value}; with 0 the segment is ignored and comes again, and accept() has its data after ${off.receivedAfter} ms; with 1 the client, which was connected, gets ${on.error} after ${on.failedAfter} ms`,
    why: value === 0 ? undefined : `the value here is ${value}`,
    data: { value, off, on },
  })
}

async function listenDrops(): Promise<Observation> {
  const names = ['ListenOverflows', 'ListenDrops', 'TCPReqQFullDrop'] as const
  const moved = countersSince(...names)
  const listener = await listen({ backlog: 0 })
  const port = portOf(listener)
  await new Burst(port, 1).reached(1)
  const quiet = moved()
  new Burst(port, 3)
  const full = await until(moved, ({ ListenDrops }) => ListenDrops >= 3)
  const ofListener = getOption(listener, 'SO_MEMINFO').drops
  await listener.close()
  setSysctl('ipv4.tcp_syncookies', 0)
  const movedLater = countersSince(...names)
  new Burst(portOf(await listenHalfDeaf(5)), 20)
  const halfOpenQueue = await until(movedLater, ({ ListenDrops }) => ListenDrops >= 14)
  return compare({
    asDocumented:
      quiet.ListenDrops === 0 && full.ListenDrops >= 3 && full.ListenOverflows === full.ListenDrops,
    seen: `3 SYNs at a full queue: ListenDrops moves from ${quiet.ListenDrops} to ${full.ListenDrops}, ListenOverflows to ${full.ListenOverflows}; the listener alone counts ${ofListener} drops (SO_MEMINFO); a full half-open queue moves ListenDrops by ${halfOpenQueue.ListenDrops} and ListenOverflows by ${halfOpenQueue.ListenOverflows}`,
    data: { quiet, full, ofListener, halfOpenQueue },
  })
}

async function queueInSs(): Promise<Observation> {
  const listener = await listen({ backlog: 5 })
  const port = portOf(listener)
  await new Burst(port, 3).reached(3)
  await until(
    () => listener.queue.length,
    (length) => length === 3,
  )
  const { error, stdout } = spawnSync('ss', ['-lntH', 'sport', '=', `:${port}`], {
    encoding: 'utf8',
  })
  if (error) return cannotShow('needs ss(8) of iproute2')
  const [, receive, send] = stdout.trim().split(/\s+/)
  const ss = { recvQ: Number(receive), sendQ: Number(send) }
  const proc = tcpRows(port).find(({ state }) => state === 'LISTEN')?.receiveQueue
  return compare({
    asDocumented: ss.recvQ === 3 && ss.sendQ === 5,
    seen: `with 3 queued at listen(5) ss shows Recv-Q ${ss.recvQ} and Send-Q ${ss.sendQ}, /proc/net/tcp a queue of ${proc}, getAcceptQueue() ${listener.queue.length} and ${listener.queue.limit}`,
    data: { ss, proc, queue: listener.queue },
  })
}

export const overflow: Scenario[] = [
  {
    id: 'S0.12',
    claim:
      'tcp_abort_on_overflow is 0: a client whose handshake ends at a full queue is not reset, but has to try again.',
    of: 'Linux',
    documented: 'Linux: 0.',
    platforms: ['linux'],
    namespace: {},
    run: abortOnOverflow,
  },
  {
    id: 'S0.13',
    claim: 'ListenDrops counts the SYNs that a listener dropped because its queue was full.',
    of: 'Linux',
    documented: 'Linux: nstat shows TcpExtListenDrops; 0 on a quiet server.',
    platforms: ['linux'],
    namespace: {},
    run: listenDrops,
  },
  {
    id: 'S0.14',
    claim: 'ss shows a listener’s queue as Recv-Q, and its backlog as Send-Q.',
    of: 'Linux',
    documented: 'Linux: the columns Recv-Q and Send-Q of `ss -plnt`.',
    platforms: ['linux'],
    ...apart,
    run: queueInSs,
  },
]
