/** Handshakes that are not finished, and the settings about them. */
import { spawnSync } from 'node:child_process'
import { setOption, type TcpListener } from '../../index.js'
import { Burst, portOf } from '../linux-backlog/burst.js'
import { cannotShow, compare } from '../linux-backlog/compare.js'
import { Capture } from '../observers/capture.js'
import { countersSince } from '../observers/netstat-counters.js'
import { tcpRows } from '../observers/proc-net-tcp.js'
import { setSysctl, sysctlNumber } from '../observers/sysctl.js'
import { until } from '../observers/until.js'
import type { Observation, Scenario } from '../scenario.js'
import { listenHalfDeaf } from './half-deaf.js'

function halfOpenAt(port: number): number {
  return tcpRows(port).filter(({ state }) => state === 'SYN_RECV').length
}

/** What can be said of a duration, in milliseconds, by one who only looks now and then. */
interface Bounds {
  atLeast: number
  atMost: number
}

/** How long the server keeps a handshake whose last segment does not come. */
async function lifetime(listener: TcpListener, longest: number): Promise<Bounds> {
  const port = portOf(listener)
  const began = performance.now()
  new Burst(port, 1)
  await until(() => halfOpenAt(port) === 1)
  const firstSeen = performance.now()
  let lastSeen = firstSeen
  await until(
    () => {
      const now = performance.now()
      const isThere = halfOpenAt(port) === 1
      if (isThere) lastSeen = now
      return isThere
    },
    (isThere) => !isThere,
    longest,
  )
  return {
    atLeast: Math.round(lastSeen - firstSeen),
    atMost: Math.round(performance.now() - began),
  }
}

/** Every SYN-ACK waits twice as long as the one before; timers are late by up to 15 %. */
function fits({ atLeast, atMost }: Bounds, retries: number): boolean {
  const expected = 1000 * (2 ** (retries + 1) - 1)
  return atLeast <= 1.15 * expected && atMost >= 0.85 * expected
}

async function synAckRetries({ slow }: { slow: boolean }): Promise<Observation> {
  const name = 'ipv4.tcp_synack_retries'
  const value = sysctlNumber(name)
  const lifetimes: Record<string, Bounds> = {}
  const data: Record<string, unknown> = { value, lifetimes }
  if (slow) {
    const listener = await listenHalfDeaf(511)
    const capture = await Capture.start(portOf(listener))
    lifetimes[value] = await lifetime(listener, 90_000)
    const packets = await capture.stop()
    data.synAckTimes = packets.filter(({ flags }) => flags === 'SA').map(({ time }) => time)
  }
  // The kernel looks at the setting whenever its timer fires, so the two can overlap.
  setSysctl(name, 1)
  const listener = await listenHalfDeaf(511)
  const one = lifetime(listener, 5000)
  const retried = countersSince('TCPSynRetrans')
  await until(retried, ({ TCPSynRetrans }) => TCPSynRetrans > 0, 2000)
  setSysctl(name, 0)
  lifetimes[0] = await lifetime(await listenHalfDeaf(511), 5000)
  lifetimes[1] = await one
  const entries = Object.entries(lifetimes)
  const list = entries.map(
    ([retries, { atLeast, atMost }]) => `${atLeast} to ${atMost} ms with ${retries}`,
  )
  return compare({
    asDocumented:
      value === 5 && entries.every(([retries, bounds]) => fits(bounds, Number(retries))),
    seen: `the value is ${value}; a half-open connection is given up after ${list.join(', ')}`,
    why: value === 5 ? undefined : `the value here is ${value}`,
    data,
  })
}

/** Of so many SYNs to a listener with room for all: how many become half-open, once every one is dealt with. */
async function halfOpenOf(count: number): Promise<number> {
  const dropped = countersSince('ListenDrops')
  const port = portOf(await listenHalfDeaf(511))
  const burst = new Burst(port, count)
  await until(
    () => halfOpenAt(port) + dropped().ListenDrops,
    (dealtWith) => dealtWith >= count,
  )
  const halfOpen = halfOpenAt(port)
  for (const client of burst.clients) client.destroy()
  return halfOpen
}

async function maxSynBacklog(): Promise<Observation> {
  const name = 'ipv4.tcp_max_syn_backlog'
  const value = sysctlNumber(name)
  setSysctl('ipv4.tcp_syncookies', 0)
  setSysctl(name, 8)
  const with8 = await halfOpenOf(40)
  setSysctl(name, 32)
  const with32 = await halfOpenOf(40)
  setSysctl('ipv4.tcp_syncookies', 1)
  setSysctl(name, 8)
  const with8AndCookies = await halfOpenOf(40)
  return compare({
    asDocumented: value === 128 && with8 < 40,
    seen: `the value is ${value}; of 40 SYNs ${with8} become half-open with a value of 8, ${with32} with 32, and ${with8AndCookies} with 8 while SYN cookies are on`,
    why:
      value === 128
        ? 'a value of 8 does not limit anything'
        : 'Linux sizes it with the memory of the machine (at least 128), and it only limits while tcp_syncookies is 0',
    data: { value, with8, with32, with8AndCookies },
  })
}

function ssLines(port: number): number | undefined {
  const { error, stdout } = spawnSync('ss', ['-n', 'state', 'syn-recv', 'sport', '=', `:${port}`], {
    encoding: 'utf8',
  })
  return error ? undefined : stdout.trim().split('\n').length
}

async function halfOpenInSs(): Promise<Observation> {
  const listener = await listenHalfDeaf(5)
  const port = portOf(listener)
  const before = ssLines(port)
  if (before === undefined) return cannotShow('needs ss(8) of iproute2')
  new Burst(port, 3)
  await until(
    () => halfOpenAt(port),
    (count) => count === 3,
  )
  const withThree = ssLines(port)
  const cookies = countersSince('SyncookiesSent')
  new Burst(port, 5)
  await until(cookies, ({ SyncookiesSent }) => SyncookiesSent >= 2)
  const most = halfOpenAt(port)
  return compare({
    asDocumented: before === 1 && withThree === 4,
    seen: `ss prints ${before} line while nothing is half-open, and ${withThree} for 3 half-open connections; of 8 at listen(5) ${most} are`,
    data: { before, withThree, most },
  })
}

async function requestQueueFull(): Promise<Observation> {
  const names = ['SyncookiesSent', 'TCPReqQFullDoCookies', 'TCPReqQFullDrop'] as const
  const withCookies = countersSince(...names)
  new Burst(portOf(await listenHalfDeaf(5)), 20)
  const answered = await until(
    withCookies,
    ({ TCPReqQFullDoCookies }) => TCPReqQFullDoCookies >= 14,
    2000,
  )
  setSysctl('ipv4.tcp_syncookies', 0)
  const without = countersSince(...names)
  new Burst(portOf(await listenHalfDeaf(5)), 20)
  const dropped = await until(without, ({ TCPReqQFullDrop }) => TCPReqQFullDrop >= 14, 900)
  return compare({
    asDocumented: answered.TCPReqQFullDoCookies > 0 && dropped.TCPReqQFullDoCookies === 0,
    seen: `20 handshakes at listen(5): TCPReqQFullDoCookies moves by ${answered.TCPReqQFullDoCookies}, and ${answered.SyncookiesSent} cookies are sent; without cookies TCPReqQFullDrop moves by ${dropped.TCPReqQFullDrop}`,
    data: { withCookies: answered, withoutCookies: dropped },
  })
}

async function synCookies(): Promise<Observation> {
  const value = sysctlNumber('ipv4.tcp_syncookies')
  const moved = countersSince('SyncookiesSent', 'SyncookiesRecv')
  const listener = await listenHalfDeaf(5)
  const port = portOf(listener)
  const burst = new Burst(port, 20)
  const connected = await burst.reached(20)
  const known = tcpRows(port).flatMap(({ localPort, remotePort }) =>
    localPort === port && remotePort !== 0 ? [remotePort] : [],
  )
  const unknown = burst.clients.filter(
    ({ localPort = 0 }, i) => burst.outcomes[i] === 'connected' && !known.includes(localPort),
  )
  // The cookie comes back with whatever the client sends, and that alone makes it known.
  setOption(listener, 'SO_DETACH_FILTER', 0)
  unknown[0]?.write('cookie')
  const admitted = await until(moved, ({ SyncookiesRecv }) => SyncookiesRecv > 0)
  const row = await until(() =>
    tcpRows(port).find(({ remotePort }) => remotePort === unknown[0]?.localPort),
  )
  return compare({
    asDocumented:
      value === 1 &&
      connected === 20 &&
      admitted.SyncookiesSent === unknown.length &&
      unknown.length > 0,
    seen: `the value is ${value}; ${connected} of 20 clients are connected, ${unknown.length} of them without the server holding anything: ${admitted.SyncookiesSent} cookies were sent; one of these clients sends, and is ${row?.state ?? 'unknown'}`,
    why: value === 1 ? undefined : `the value here is ${value}`,
    data: {
      value,
      connected,
      halfOpen: known.length,
      unknownToServer: unknown.length,
      cookiesSent: admitted.SyncookiesSent,
      cookiesReturned: admitted.SyncookiesRecv,
      stateAfterSending: row?.state,
    },
  })
}

export const halfOpen: Scenario[] = [
  {
    id: 'S0.8',
    claim:
      'tcp_synack_retries is 5: so often the server repeats its SYN-ACK before it gives a handshake up.',
    of: 'Linux',
    documented: 'Linux: 5; every repetition doubles the time, to 63 seconds in all.',
    platforms: ['linux'],
    namespace: {},
    run: synAckRetries,
    slowSeconds: 70,
  },
  {
    id: 'S0.9',
    claim: 'tcp_max_syn_backlog is 128: so many handshakes may be half-open.',
    of: 'Linux',
    documented: 'Linux: 128.',
    platforms: ['linux'],
    namespace: {},
    run: maxSynBacklog,
  },
  {
    id: 'S0.11',
    claim: 'ss shows half-open connections: only its heading while there are none.',
    of: 'Linux',
    documented: 'Linux: `ss -n state syn-recv sport = :80 | wc -l` prints 1 on a quiet server.',
    platforms: ['linux'],
    namespace: {},
    run: halfOpenInSs,
  },
  {
    id: 'S0.15',
    claim:
      'TCPReqQFullDoCookies counts the SYNs that got a cookie because the half-open queue was full.',
    of: 'Linux',
    documented: 'Linux: nstat shows the counter; 0 on a quiet server.',
    platforms: ['linux'],
    namespace: {},
    run: requestQueueFull,
  },
  {
    id: 'S0.16',
    claim:
      'tcp_syncookies is 1: past a full half-open queue the server answers with cookies, and remembers nothing.',
    of: 'Linux',
    documented: 'Linux: 1; SyncookiesSent counts the cookies, 0 on a quiet server.',
    platforms: ['linux'],
    namespace: {},
    run: synCookies,
  },
]
