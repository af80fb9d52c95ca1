/** Which options of a listener its accepted sockets have as well. */
import {
  getKeepAlive,
  getOption,
  isSupported,
  options,
  type ReadableOption,
  setKeepAlive,
  setOption,
  type SettableValue,
  type SocketTarget,
  type WritableOption,
} from '../../index.js'
import { codeOf, connect, judge, listen, queued } from '../not-accepted/ends.js'
import type { Observation, Scenario } from '../scenario.js'
import { setting } from './connection.js'

type Tried = ReadableOption & WritableOption

/** Values that a connection does not have by itself. */
const samples: { readonly [Name in Tried]?: SettableValue<Name> } = {
  SO_BINDTODEVICE: 'lo',
  SO_BUF_LOCK: 3,
  SO_BUSY_POLL: 50,
  SO_DONTROUTE: true,
  SO_INCOMING_CPU: 4711,
  SO_KEEPALIVE: true,
  SO_LINGER: 5,
  SO_MARK: 7,
  SO_MAX_PACING_RATE: 1_000_000n,
  SO_NO_CHECK: true,
  SO_OOBINLINE: true,
  SO_PREFER_BUSY_POLL: true,
  SO_PRIORITY: 5,
  SO_RCVBUF: 40_000,
  SO_RCVLOWAT: 2,
  SO_RCVTIMEO: { seconds: 3, microseconds: 500_000 },
  SO_RESERVE_MEM: 65_536,
  SO_REUSEADDR: false,
  SO_REUSEPORT: true,
  SO_SNDBUF: 40_000,
  SO_SNDTIMEO: { seconds: 3, microseconds: 500_000 },
  SO_TIMESTAMP: true,
  SO_TXREHASH: 0,
  SO_ZEROCOPY: true,
  TCP_CONGESTION: 'reno',
  TCP_CORK: true,
  TCP_DEFER_ACCEPT: 3,
  TCP_DELACK_MAX_US: 100_000,
  TCP_FASTOPEN: 5,
  TCP_INQ: true,
  TCP_KEEPCNT: 5,
  TCP_KEEPIDLE: 7,
  TCP_KEEPINTVL: 3,
  TCP_LINGER2: 7,
  TCP_MAXSEG: 1000,
  TCP_NODELAY: true,
  TCP_NOTSENT_LOWAT: 4096,
  TCP_QUICKACK: false,
  TCP_RTO_MAX_MS: 5000,
  TCP_RTO_MIN_US: 100_000,
  TCP_SAVE_SYN: 1,
  TCP_SYNCNT: 3,
  TCP_THIN_LINEAR_TIMEOUTS: true,
  TCP_TX_DELAY: 1000,
  TCP_USER_TIMEOUT: 9000,
  TCP_WINDOW_CLAMP: 20_000,
  IP_BIND_ADDRESS_NO_PORT: true,
  IP_FREEBIND: true,
  IP_MINTTL: 5,
  IP_MTU_DISCOVER: 3,
  IP_RECVTOS: true,
  IP_TOS: 16,
  IP_TRANSPARENT: true,
  IP_TTL: 33,
}

/** What became of an option, and the values as text, in the option's own unit. */
interface Fate {
  option: string
  unit: string
  set: string
  accepted?: string
  /** `absent` on this system; `refused` with an error here; otherwise what the accepted socket has. */
  fate: 'inherited' | 'changed' | 'not inherited' | 'absent' | `refused: ${string}`
}

/** A socket accepted from a listener on which the option was set; `undefined` leaves the listener as it is. */
async function acceptedWith(name: Tried, value: unknown): Promise<[kept: string, got: string]> {
  await using listener = await listen()
  if (value !== undefined) set(listener, name, value)
  const kept = textOf(getOption(listener, name))
  const client = await connect(listener)
  // It keeps a silent client out. Otherwise no data, which would be acknowledged late and end TCP_QUICKACK.
  if (name === 'TCP_DEFER_ACCEPT') client.write('x')
  const accepted = await listener.accept()
  const got = textOf(getOption(accepted, name))
  client.destroy()
  return [kept, got]
}

/** The types cannot follow a name out of a list. */
const set = setOption as (target: SocketTarget, name: string, value: unknown) => void

function textOf(value: unknown): string {
  return typeof value === 'bigint' ? String(value) : JSON.stringify(value)
}

async function fateOf(name: Tried): Promise<Fate> {
  const about = { option: name, unit: options[name].unit, set: textOf(samples[name]) }
  if (!isSupported(name)) return { ...about, fate: 'absent' }
  try {
    const [, byItself] = await acceptedWith(name, undefined)
    const [kept, accepted] = await acceptedWith(name, samples[name])
    if (accepted === kept && kept !== byItself) return { ...about, accepted, fate: 'inherited' }
    // The kernel writes the CPU of each packet there.
    const own = accepted === byItself || name === 'SO_INCOMING_CPU'
    return { ...about, accepted, fate: own ? 'not inherited' : 'changed' }
  } catch (error) {
    return { ...about, fate: `refused: ${codeOf(error)}` }
  }
}

/** A client that was queued before the listener was changed, and one that came afterwards. */
async function takenAtTheHandshake() {
  await using listener = await listen()
  await connect(listener)
  await queued(listener, 1)
  setKeepAlive(listener, setting(1, 3, 10))
  await connect(listener)
  const before = getKeepAlive(await listener.accept())
  const after = getKeepAlive(await listener.accept())
  return { queuedBefore: before, queuedAfter: after }
}

const keepAliveOptions = ['SO_KEEPALIVE', 'TCP_KEEPIDLE', 'TCP_KEEPINTVL', 'TCP_KEEPCNT']

async function inherited(): Promise<Observation> {
  const fates: Fate[] = []
  for (const name of Object.keys(samples) as Tried[]) fates.push(await fateOf(name))
  const { queuedBefore, queuedAfter } = await takenAtTheHandshake()
  const named = (fate: string): string[] =>
    fates.filter((each) => each.fate.startsWith(fate)).map(({ option }) => option)
  const lists = {
    inherited: named('inherited'),
    changed: named('changed'),
    notInherited: named('not inherited'),
    refused: named('refused'),
    absent: named('absent'),
  }
  const all = keepAliveOptions.every((name) => lists.inherited.includes(name))
  return judge(all, {
    seen:
      `all four of keep-alive ${all ? 'are' : 'are not'} inherited, as are ${lists.inherited.length} of ${fates.length} options tried; ` +
      `not ${lists.notInherited.join(', ')}; a client queued before the change ` +
      (queuedBefore === false ? 'keeps the old values' : 'has the new values'),
    data: { ...lists, queuedBefore, queuedAfter, options: fates },
  })
}

export const scenarios: readonly Scenario[] = [
  {
    id: 'S4.2',
    claim: 'Options that are set on the listener are inherited by the sockets it accepts.',
    of: 'Windows',
    documented: 'Windows: keep-alive is inherited. Linux: it is, and nearly every other option.',
    run: inherited,
  },
]
