/** TIME_WAIT: who has it, for how long, and what it is in the way of. */
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { TcpListener } from '../../index.js'
import { platform } from '../../platform.js'
import { cannotShow, compare } from '../linux-backlog/compare.js'
import { netstatLines } from '../observers/netstat.js'
import { countersSince } from '../observers/netstat-counters.js'
import { tcpRows } from '../observers/proc-net-tcp.js'
import { setSysctl } from '../observers/sysctl.js'
import { until } from '../observers/until.js'
import type { Observation, Scenario } from '../scenario.js'
import {
  connected,
  type Ends,
  leftOf,
  listener,
  pair,
  type Ports,
  portOf,
  privately,
  statesOfEnds,
  timeWaitsAt,
  watch,
} from './closing.js'

async function whoHasIt(): Promise<Observation> {
  const clientFirst = await watch(clientCloses)
  const serverFirst = await watch(serverCloses)
  const isAtCloser =
    clientFirst.left.client === 'TIME_WAIT' &&
    clientFirst.left.server === 'none' &&
    serverFirst.left.server === 'TIME_WAIT' &&
    serverFirst.left.client === 'none'
  return compare({
    asDocumented: isAtCloser,
    seen:
      `the client closes first: client ${clientFirst.left.client}, server ${clientFirst.left.server}; ` +
      `the server closes first: client ${serverFirst.left.client}, server ${serverFirst.left.server}`,
    data: { clientFirst, serverFirst },
  })
}

async function clientCloses({ client, server }: Ends): Promise<void> {
  server.resume()
  client.write('test')
  await once(server, 'data')
  client.destroy()
}

async function serverCloses({ client, server }: Ends): Promise<void> {
  client.resume()
  client.write('test')
  await once(server, 'data')
  server.destroy()
}

/** Linux: TCP_TIMEWAIT_LEN, 2 * 30 s, whatever tcp_fin_timeout is. The timer may be late by an eighth. */
const timeWaitSeconds = { least: 57, most: 68 }

async function howLong({ slow }: { slow: boolean }): Promise<Observation> {
  const server = await listener()
  const ends = await pair(server)
  await clientCloses(ends)
  const { ports } = ends
  await leftOf(ports)
  const began = performance.now()
  const timerSeconds = timeWaitTimer(ports)
  if (timerSeconds === undefined) return cannotShow('needs ss (iproute2)')
  const seconds = slow ? await untilGone(ports, began) : timerSeconds
  const withoutRoom = await noTimeWaitAllowed(server)
  const { least, most } = timeWaitSeconds
  const how = slow ? 'gone after' : 'right after the close its timer in ss says'
  return compare({
    asDocumented: seconds >= least && seconds <= most,
    seen:
      `${how} ${seconds} s, although tcp_fin_timeout is 1 s; ` +
      `where the kernel has room for none (tcp_max_tw_buckets 0), what is left is: ${withoutRoom.left}`,
    data: { timerSeconds, ...(slow && { goneAfterSeconds: seconds }), withoutRoom },
  })
}

/** Seconds that the kernel will keep the client's end; undefined where there is no ss. */
function timeWaitTimer({ client, server }: Ports): number | undefined {
  const filter = ['state', 'time-wait', 'sport', '=', `:${client}`, 'dport', '=', `:${server}`]
  const { stdout, error } = spawnSync('ss', ['-tanoH', ...filter], { encoding: 'utf8' })
  if (error) return undefined
  const [, minutes = 0, seconds = 0] =
    /timer:\(timewait,(?:(\d+)min)?(?:(\d+)(?:\.\d+)?m?s(?:ec)?)?,/.exec(stdout) ?? []
  return Number(minutes) * 60 + Number(seconds)
}

async function untilGone(ports: Ports, began: number): Promise<number> {
  const gone = (): boolean => statesOfEnds(ports).client === 'none'
  await until(gone, Boolean, 1000 * timeWaitSeconds.most)
  return Math.round((performance.now() - began) / 100) / 10
}

async function noTimeWaitAllowed(server: TcpListener) {
  const overflows = countersSince('TCPTimeWaitOverflow')
  setSysctl('ipv4.tcp_max_tw_buckets', 0)
  const ends = await pair(server)
  await clientCloses(ends)
  const { client } = await leftOf(ends.ports)
  return { left: client, overflows: overflows().TCPTimeWaitOverflow }
}

async function byPair(): Promise<Observation> {
  const [server, other] = [await listener(), await listener()]
  const localPort = await freePort()
  const ends = await pair(server, { localPort })
  await clientCloses(ends)
  const pairLeft = await leftOf(ends.ports)
  const outcomes = {
    otherClientPort: await outcome(() => connected(server)),
    otherServerPort: await outcome(() => connected(other, { localPort })),
    bindWithoutReuse: await outcome(() => bind(localPort, false)),
    bindWithReuse: await outcome(() => bind(localPort, true)),
    samePair: await outcome(() => connected(server, { localPort })),
  }
  const { otherClientPort, otherServerPort, bindWithoutReuse, samePair } = outcomes
  return compare({
    asDocumented:
      pairLeft.client === 'TIME_WAIT' && otherClientPort === 'ok' && otherServerPort === 'ok',
    seen:
      `beside a pair in ${pairLeft.client}: another client port ${otherClientPort}; ` +
      `the same client port to another server ${otherServerPort}; to the same server ${samePair} ` +
      `(with SO_REUSEADDR); a plain bind to the port ${bindWithoutReuse}`,
    data: { pair: pairLeft, ...outcomes },
  })
}

async function freePort(): Promise<number> {
  const probe = await listener()
  const port = portOf(probe)
  await probe.close()
  return port
}

async function bind(port: number, reuse: boolean): Promise<void> {
  const options = { port, host: '127.0.0.1', socketOptions: { SO_REUSEADDR: reuse } }
  const bound = await TcpListener.listen(options)
  await bound.close()
}

async function outcome(attempt: () => Promise<unknown>): Promise<string> {
  try {
    await attempt()
    return 'ok'
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error)
  }
}

async function tenInALoop(): Promise<Observation> {
  const server = await listener()
  const port = portOf(server)
  for (let i = 0; i < 10; i++) await clientCloses(await pair(server))
  const timeWait = await timeWaitsAt(port)
  const netstat = netstatLines(port)
  const withoutOwner = platform === 'linux' ? unowned(port) : unownedIn(netstat ?? [])
  return compare({
    asDocumented: timeWait.client === 10 && withoutOwner === 10,
    seen:
      `${timeWait.client} TIME_WAIT rows at the client, ${timeWait.server} at the server; ` +
      `${withoutOwner} belong to no process`,
    data: { timeWait, withoutOwner, ...(netstat && { netstat }) },
  })
}

function unowned(port: number): number {
  return tcpRows(port).filter(({ state, inode }) => state === 'TIME_WAIT' && inode === 0).length
}

/** Windows: the process id at the end of the line is 0. */
function unownedIn(lines: readonly string[]): number {
  return lines.filter((line) => /TIME_WAIT\s+0$/.test(line)).length
}

export const scenarios: readonly Scenario[] = [
  {
    id: 'S1.1',
    claim: 'The end of a connection that closes first is left in TIME_WAIT.',
    of: 'Windows',
    documented: 'TIME_WAIT at the side that called closesocket first, on every system',
    ...privately,
    run: whoHasIt,
  },
  {
    id: 'S1.2',
    claim: 'TIME_WAIT ends by itself after twice the maximum segment lifetime (2MSL).',
    of: 'Windows',
    documented: 'freed after 2MSL, no number given; Linux keeps it 60 s, fixed',
    platforms: ['linux'],
    namespace: { settings: { 'ipv4/tcp_fin_timeout': 1 } },
    slowSeconds: 65,
    run: howLong,
  },
  {
    id: 'S1.3',
    claim:
      'A TIME_WAIT is in the way of its own pair of local and remote address only, so it is rarely a problem.',
    of: 'Windows',
    documented: 'every other pair can be used meanwhile',
    platforms: ['linux'],
    namespace: {},
    run: byPair,
  },
  {
    id: 'S1.4',
    claim: 'Better let the client close first, so that TIME_WAIT does not pile up at the server.',
    of: 'Windows',
    documented: 'advice that follows from S1.1',
  },
  {
    id: 'S1.5',
    claim: 'A client that connects, sends and closes in a loop leaves a TIME_WAIT row each time.',
    of: 'Windows',
    documented: '10 rounds: 10 TIME_WAIT rows at the client with process id 0',
    ...privately,
    run: tenInALoop,
  },
]
