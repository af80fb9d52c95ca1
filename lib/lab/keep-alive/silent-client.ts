/** A client whose machine falls silent: when does the server notice? */
import { setTimeout as sleep } from 'node:timers/promises'
import { getKeepAlive, setKeepAlive, setUserTimeout } from '../../index.js'
import {
  clientEnd,
  hear,
  judge,
  listen,
  localPort,
  pendingError,
  portOf,
  send,
  stateOf,
} from '../not-accepted/ends.js'
import { Capture, ladder } from '../observers/capture.js'
import { countersSince } from '../observers/netstat-counters.js'
import { until } from '../observers/until.js'
import type { Observation, Scenario } from '../scenario.js'
import {
  type Connection,
  connection,
  connectionTo,
  cut,
  deathOf,
  expected,
  greet,
  inSeconds,
  isAbout,
  type Setting,
  setting,
  unreadConnection,
  written,
} from './connection.js'
import { probesIn } from './probes.js'

/** How much longer than expected a death is waited for. */
const grace = 5000

async function withoutKeepAlive({ slow }: { slow: boolean }): Promise<Observation> {
  const watched = await connection(setting(1, 1, 1))
  const plain = await connection(false)
  const userTimeout = await connection(false)
  setUserTimeout(userTimeout.accepted, 500)
  cut(plain.client)
  cut(userTimeout.client)
  const began = performance.now()
  const withKeepAlive = await deathOf(watched, expected(setting(1, 1, 1)) + grace)
  if (slow) await sleep(8000 - (performance.now() - began))
  const afterMs = Math.round(performance.now() - began)
  const without = stateOf(plain.accepted)
  const userTimeoutAlone = stateOf(userTimeout.accepted)
  const lives = without === 'ESTABLISHED' && withKeepAlive.error === 'ETIMEDOUT'
  return judge(lives, {
    seen:
      `with keep-alive ${withKeepAlive.error} after ${inSeconds(withKeepAlive.afterMs)}; without it ` +
      `${without} ${inSeconds(afterMs)} after the client fell silent, with TCP_USER_TIMEOUT alone ${userTimeoutAlone}`,
    data: { withKeepAlive, afterMs, without, userTimeoutAlone },
  })
}

async function noticedInTime({ slow }: { slow: boolean }): Promise<Observation> {
  const chosen = slow ? setting(1, 3, 10) : setting(1, 1, 1)
  const listener = await listen({ keepAlive: chosen })
  const capture = await Capture.start(portOf(listener))
  const link = await connectionTo(listener)
  await greet(link)
  const moved = countersSince('TCPKeepAlive')
  const death = await deathOf(link, expected(chosen) + grace)
  const probesSent = moved().TCPKeepAlive
  const packets = await capture.stop()
  const probes = probesIn(packets)
  const inTime = death.error === 'ETIMEDOUT' && isAbout(death.afterMs, expected(chosen))
  return judge(inTime && probesSent === chosen.count, {
    seen:
      `${written(chosen)}: ${death.error} after ${inSeconds(death.afterMs)} and ${probesSent} unanswered probe${probesSent === 1 ? '' : 's'}` +
      (probes.resetAtMs === null ? '' : ', then a reset was sent'),
    data: {
      ...chosen,
      expectedMs: expected(chosen),
      ...death,
      probesSent,
      ...probes,
      ladder: ladder(packets),
      ...(capture.refusal !== undefined && { notCaptured: capture.refusal }),
    },
  })
}

async function shorterInterval({ slow }: { slow: boolean }): Promise<Observation> {
  const quick = [setting(1, 1, 1), setting(1, 1, 2), setting(2, 1, 1)]
  const settings = slow ? [...quick, setting(1, 1, 10)] : quick
  const deaths = await Promise.all(settings.map(dies))
  const seen = deaths.map(({ as, error, afterMs }) => `${as}: ${error} after ${inSeconds(afterMs)}`)
  const inTime = deaths.every(
    ({ error, afterMs, expectedMs }) => error === 'ETIMEDOUT' && isAbout(afterMs, expectedMs),
  )
  return judge(inTime, { seen: seen.join('; '), data: { deaths } })
}

async function dies(chosen: Setting) {
  const death = await deathOf(await connection(chosen), expected(chosen) + grace)
  return { as: written(chosen), expectedMs: expected(chosen), ...death }
}

async function overridden({ slow }: { slow: boolean }): Promise<Observation> {
  const inherited = setting(1, 1, 10)
  const own = { ...inherited, count: 1 }
  const changed = await connection(inherited)
  const unchanged = await connection(inherited)
  setKeepAlive(changed.accepted, { count: 1 })
  const settings = {
    changed: getKeepAlive(changed.accepted),
    unchanged: getKeepAlive(unchanged.accepted),
  }
  const dying = deathOf(unchanged, expected(inherited) + grace)
  const death = await deathOf(changed, expected(own) + grace)
  // By now the other would have died as well if it had the same setting.
  await sleep(400)
  const other = stateOf(unchanged.accepted)
  const otherDeath = slow ? await dying : undefined
  const differently = death.error === 'ETIMEDOUT' && isAbout(death.afterMs, expected(own))
  const late = otherDeath === undefined || isAbout(otherDeath.afterMs, expected(inherited))
  return judge(differently && other === 'ESTABLISHED' && late, {
    seen:
      `the accepted socket that was set to 1 probe: ${death.error} after ${inSeconds(death.afterMs)}; ` +
      `the one that inherited 10: ${other} then` +
      (otherDeath ? `, ${otherDeath.error} after ${inSeconds(otherDeath.afterMs)}` : ''),
    data: { settings, changed: death, unchangedThen: other, unchanged: otherDeath ?? null },
  })
}

async function pendingReceiveFails(): Promise<Observation> {
  const chosen = setting(1, 1, 1)
  const reading = await connection(chosen)
  const idle = await unreadConnection(chosen)
  await greet(reading)
  const idleHeard = hear(idle.accepted)
  cut(idle.client)
  idle.accepted.pause()
  const death = await deathOf(reading, expected(chosen) + grace)
  const state = await until(
    () => stateOf(idle.accepted),
    (now) => now === 'CLOSE',
  )
  const eventsUnread = idleHeard.error === undefined && !idleHeard.closed ? 0 : 1
  const error = pendingError(idle.accepted)
  const laterSend = await send(idle.accepted, 'hello')
  const unread = { state, error, events: eventsUnread, laterSend }
  return judge(death.error === 'ETIMEDOUT' && death.syscall === 'read', {
    seen:
      `the pending ${death.syscall} failed with ${death.error} after ${inSeconds(death.afterMs)}; ` +
      `a socket that nobody reads from is ${state} with ${error} by then, without an event, and a send is ${laterSend}`,
    data: { reading: death, unread },
  })
}

async function clientNeedsNothing(): Promise<Observation> {
  const chosen = setting(1, 1, 1)
  const link = await connection(chosen)
  await greet(link)
  const client = getKeepAlive(link.client)
  const death = await deathOf(link, expected(chosen) + grace)
  const state = clientStateOf(link)
  const noticed = death.error === 'ETIMEDOUT'
  return judge(noticed && client === false && state === 'ESTABLISHED', {
    seen:
      `keep-alive of the client ${client === false ? 'off' : 'on'}; the server had ${death.error} after ` +
      `${inSeconds(death.afterMs)}, while the client, which heard nothing, was ${state}`,
    data: {
      clientKeepAlive: client,
      server: death,
      clientState: state,
      clientError: link.heard.error ?? null,
    },
  })
}

function clientStateOf({ listener, client }: Connection): string {
  return clientEnd(portOf(listener), localPort(client))?.state ?? 'gone'
}

export const scenarios: readonly Scenario[] = [
  {
    id: 'S4.1',
    claim: 'Without keep-alive a server never notices that an idle client has gone.',
    of: 'Windows',
    documented:
      'The motive: dead clients must be noticed. Linux: without keep-alive nothing happens.',
    platforms: ['linux'],
    namespace: {},
    slowSeconds: 8,
    run: withoutKeepAlive,
  },
  {
    id: 'S4.4',
    claim:
      'A client whose machine is paused is noticed after the idle time and all unanswered probes.',
    of: 'Windows',
    documented:
      'Windows: with 1 s, then 10 probes 3 s apart, the receive fails after about 31 s. Linux: ETIMEDOUT after 31.5 s; ' +
      'with 1 probe 1 s apart after 2.04 s.',
    platforms: ['linux'],
    namespace: {},
    slowSeconds: 32,
    run: noticedInTime,
  },
  {
    id: 'S4.5',
    claim: 'With probes 1 s instead of 3 s apart the client is noticed after about 10 s.',
    of: 'Windows',
    documented: 'Windows: about 10 s. Linux: about 11 s; with fewer probes as much earlier.',
    platforms: ['linux'],
    namespace: {},
    slowSeconds: 12,
    run: shorterInterval,
  },
  {
    id: 'S4.6',
    claim: 'An accepted socket may have keep-alive times of its own.',
    of: 'Windows',
    documented:
      'Windows: it accepts its own values. Linux: it also dies by them, the others by the listener’s.',
    platforms: ['linux'],
    namespace: {},
    slowSeconds: 12,
    run: overridden,
  },
  {
    id: 'S4.9',
    claim: 'The server’s receive that waits for the silent client fails.',
    of: 'Windows',
    documented: 'Windows: the blocked Receive throws. Linux: ETIMEDOUT; a later send is EPIPE.',
    platforms: ['linux'],
    namespace: {},
    run: pendingReceiveFails,
  },
  {
    id: 'S4.10',
    claim: 'The client needs no option for the server’s keep-alive to work.',
    of: 'Windows',
    documented: 'Windows, Linux: a default client.',
    platforms: ['linux'],
    namespace: {},
    run: clientNeedsNothing,
  },
]
