/**
 * Values to set, for the round trip. A kind of value has samples that suit most of its options; an option
 * that wants others, or another kind of socket, or that the kernel reads back changed, has an entry by
 * name. Measured on Linux 6.18; sources are tcp(7), ip(7), ipv6(7), socket(7) and what the table notes.
 */
import { readFileSync } from 'node:fs'
import type { OptionInfo, OptionName, SocketTarget } from '../../lib/index.js'
import { table, type Row } from '../../lib/options.js'
import { platform, type Platform } from '../../lib/platform.js'
import type { Kind } from '../support/kinds.js'
import { isWine } from '../support/system.js'
import { setOption } from '../support/untyped.js'

export interface Sample {
  set: unknown
  /** What the kernel keeps of it, if that is something else. */
  reads?: unknown
  /** The same, where it is no single value. */
  readsLike?: (value: unknown) => boolean
}

/** One kind of socket, and what may be set on it. */
export interface Case {
  kind: Kind
  samples: Sample[]
  /** What must have happened to the socket before. */
  prepare?: (socket: SocketTarget) => void
  /** These values want no privilege, although the option has some that do. */
  unprivileged?: true
  /** The error that every set ends with here, or may end with (`mayBeRefused`). */
  refused?: { codes: string[]; reason: string }
  mayBeRefused?: { codes: string[]; reason: string }
  /** The kernel takes a value but shows something else, whatever it was. */
  keepsInitial?: { reason: string; refusedValues: { set: unknown; code: string }[] }
  /** Why nothing is known about it, and nothing tried. */
  untried?: string
}

/** By unit; the first match counts. */
const byUnit: [RegExp, Sample[]][] = [
  [/^boolean$/, [{ set: true }, { set: false }]],
  [
    /^\{ seconds, microseconds \}$/,
    [
      { set: { seconds: 3, microseconds: 500_000 } },
      { set: { seconds: 0, microseconds: 100_000 } },
      { set: { seconds: 0, microseconds: 0 } },
    ],
  ],
  [/^seconds, or null/, [{ set: 5 }, { set: 0 }, { set: null }]],
  [/^bytes of the kernel$|^text$|^[{\[]|address|^array/, []],
  [/./, [{ set: 7 }, { set: 77 }]],
]

const buffer: Sample[] =
  platform === 'linux'
    ? [
        { set: 65536, reads: 131072 },
        { set: 40000, reads: 80000 },
      ]
    : [{ set: 65536 }, { set: 32768 }]

const interfaces: Sample[] = [{ set: 1 }, { set: 0 }]
const discovery: Sample[] = [{ set: 2 }, { set: 3 }, { set: 0 }]

/** The algorithms that anyone may choose. */
function congestionControls(): Sample[] {
  const file = '/proc/sys/net/ipv4/tcp_allowed_congestion_control'
  return readFileSync(file, 'utf8')
    .trim()
    .split(/\s+/)
    .map((set) => ({ set }))
}

/** The timestamp clock runs on, in milliseconds or microseconds, from the value that was set. */
function isSoonAfter(start: number): (value: unknown) => boolean {
  return (value) => typeof value === 'number' && value >= start && value < start + 60_000_000
}

type Entries = Partial<Record<OptionName, Partial<Case> | Partial<Case>[]>>

const everywhere: Entries = {
  SO_RCVBUF: { samples: buffer },
  SO_SNDBUF: { samples: buffer },
  SO_BINDTODEVICE: { kind: 'unbound', samples: [{ set: 'lo' }, { set: '' }] },
  SO_REUSEADDR: { kind: 'unbound' },
  SO_REUSEPORT: { kind: 'unbound' },
  IP_MULTICAST_IF: { samples: [{ set: '127.0.0.1' }, { set: '0.0.0.0' }] },
  IPV6_MULTICAST_IF: { samples: interfaces },
  IPV6_V6ONLY: { kind: 'unbound6' },
}

const linux = {
  SO_BINDTOIFINDEX: { kind: 'unbound', samples: interfaces },
  SO_BUF_LOCK: { samples: [{ set: 1 }, { set: 2 }, { set: 3 }, { set: 0 }] },
  SO_INCOMING_CPU: { samples: [{ set: 0 }, { set: 1 }] },
  SO_LOCK_FILTER: { samples: [{ set: true }] },
  SO_MARK: { samples: [{ set: 7 }, { set: 0xffffffff }, { set: 0 }] },
  SO_MAX_PACING_RATE: {
    samples: [
      { set: 1_000_000n },
      { set: 2n ** 33n },
      { set: 125_000, reads: 125_000n },
      { set: 2n ** 64n - 1n },
    ],
  },
  SO_PEEK_OFF: { kind: 'udp', samples: [{ set: 7 }, { set: 77 }, { set: -1 }] },
  SO_PRIORITY: { samples: [{ set: 5 }, { set: 6 }, { set: 0 }], unprivileged: true },
  SO_RESERVE_MEM: {
    samples: [{ set: 65536 }],
    mayBeRefused: { codes: ['EOPNOTSUPP'], reason: 'outside a memory cgroup' },
  },
  SO_SNDLOWAT: {
    samples: [{ set: 7 }, { set: 77 }],
    refused: { codes: ['ENOPROTOOPT'], reason: 'Linux can only read it' },
  },
  SO_TIMESTAMPING: {
    samples: [
      { set: { flags: 0x18, bind_phc: 0 } }, // RX_SOFTWARE, SOFTWARE
      { set: { flags: 0, bind_phc: 0 } },
    ],
  },
  // -1 is the default of sysctl net.core.txrehash, which is 1.
  SO_TXREHASH: { samples: [{ set: 0 }, { set: 1 }, { set: -1, reads: 1 }] },
  SO_TXTIME: {
    kind: 'udp',
    samples: [{ set: { clockid: 1, flags: 0 } }, { set: { clockid: 1, flags: 2 } }],
    unprivileged: true,
  },
  TCP_CONGESTION: {
    samples: platform === 'linux' ? congestionControls() : [],
    unprivileged: true,
  },
  TCP_DEFER_ACCEPT: {
    samples: [
      { set: 5, reads: 7 },
      { set: 8, reads: 15 },
      { set: 1 },
      { set: 3 },
      { set: 7 },
      { set: 0 },
    ],
  },
  TCP_DELACK_MAX_US: { samples: [{ set: 100_000 }, { set: 200_000 }] },
  TCP_FASTOPEN_CONNECT: { kind: 'unbound' },
  TCP_FASTOPEN_KEY: {
    samples: [
      { set: Buffer.alloc(16, 1) },
      { set: Buffer.alloc(32, 'one key and its predecessor') },
    ],
  },
  TCP_FASTOPEN_NO_COOKIE: { kind: 'listener' },
  TCP_LINGER2: { samples: [{ set: 7 }, { set: 77 }, { set: 121, reads: 120 }, { set: -1 }] },
  TCP_MAXSEG: { kind: 'unbound', samples: [{ set: 1000 }, { set: 1400 }] },
  TCP_REPAIR: { samples: [{ set: 1 }, { set: 0 }, { set: -1, reads: 0 }] },
  TCP_RTO_MAX_MS: { samples: [{ set: 5000 }, { set: 120_000 }] },
  TCP_RTO_MIN_US: { samples: [{ set: 100_000 }, { set: 200_000 }] },
  TCP_SAVE_SYN: { samples: [{ set: 1 }, { set: 2 }, { set: 0 }] },
  TCP_TIMESTAMP: {
    samples: [{ set: 77, readsLike: isSoonAfter(77) }],
    prepare: (socket) => setOption(socket, 'TCP_REPAIR', 1),
  },
  TCP_ULP: {
    samples: [{ set: 'tls' }],
    unprivileged: true,
    mayBeRefused: { codes: ['ENOENT'], reason: 'without the kernel module' },
  },
  TCP_WINDOW_CLAMP: { samples: [{ set: 30_000 }, { set: 7, reads: 1152 }] },
  IP_LOCAL_PORT_RANGE: {
    kind: 'unbound',
    samples: [{ set: { lo: 40_000, hi: 50_000 } }, { set: { lo: 0, hi: 0 } }],
  },
  IP_MTU_DISCOVER: { samples: discovery },
  IP_OPTIONS: {
    // Three times "no operation" and the end; none.
    samples: [{ set: Buffer.from([1, 1, 1, 0]) }, { set: Buffer.alloc(0) }],
  },
  // On TCP the kernel keeps the ECN bits to itself.
  IP_TOS: [
    { kind: 'tcp', samples: [{ set: 184 }, { set: 7, reads: 4 }] },
    { kind: 'udp', samples: [{ set: 184 }, { set: 7 }] },
  ],
  IP_TTL: { samples: [{ set: 7 }, { set: 255 }] },
  IP_UNICAST_IF: { kind: 'unbound', samples: interfaces },
  // IPV6_PREFER_SRC_TMP or _PUBLIC, with _COA. Without the last, the kernel adds _HOME (0x400).
  IPV6_ADDR_PREFERENCES: { samples: [{ set: 5 }, { set: 6 }, { set: 1, reads: 0x401 }] },
  IPV6_MTU: {
    kind: 'tcp6',
    samples: [{ set: 1400 }],
    keepsInitial: {
      reason: 'reading shows the path MTU, not the bound that was set',
      refusedValues: [{ set: 77, code: 'EINVAL' }],
    },
  },
  IPV6_MTU_DISCOVER: { samples: discovery },
  IPV6_TCLASS: [
    { kind: 'tcp6', samples: [{ set: 184 }, { set: 7, reads: 4 }] },
    { kind: 'udp6', samples: [{ set: 184 }, { set: 7 }] },
  ],
  IPV6_UNICAST_HOPS: { samples: [{ set: 7 }, { set: 255 }, { set: -1, reads: 64 }] },
  IPV6_UNICAST_IF: { kind: 'unbound6', samples: interfaces },
  UDP_ENCAP: {
    samples: [{ set: 2 }, { set: 0 }],
    mayBeRefused: { codes: ['ENOPROTOOPT'], reason: 'without IPsec in the kernel' },
  },
} satisfies Entries

/** Taken, with no effect and none to be read. */
function ignored(reason: string): Partial<Case> {
  return { keepsInitial: { reason, refusedValues: [] } }
}

const undocumented = { untried: 'in the SDK, but not documented' }
const mtu: Sample[] = [{ set: 1400 }, { set: 1280 }]
const readOnlyMtu = {
  refused: { codes: ['EINVAL', 'ENOPROTOOPT'], reason: 'Windows can only read it' },
}

/** From Microsoft's pages on the options of each level; what Wine does otherwise is below. */
const windows = {
  SO_COMPARTMENT_ID: undocumented,
  SO_CONDITIONAL_ACCEPT: { kind: 'unbound' },
  SO_EXCLUSIVEADDRUSE: { kind: 'unbound' },
  SO_PORT_SCALABILITY: { kind: 'unbound' },
  SO_RANDOMPORT: { kind: 'unbound' },
  SO_REUSE_UNICASTPORT: { kind: 'unbound' },
  // Each can be changed once, and both start from one default of the system.
  TCP_BSDURGENT: { kind: 'unbound', untried: 'one change only, from an unknown value' },
  TCP_EXPEDITED_1122: { kind: 'unbound', untried: 'one change only, from an unknown value' },
  TCP_CONGESTION_ALGORITHM: undocumented,
  TCP_DELAY_FIN_ACK: undocumented,
  TCP_FAIL_CONNECT_ON_ICMP_ERROR: { kind: 'unbound' },
  TCP_FASTOPEN: { kind: 'unbound', samples: [{ set: 1 }, { set: 0 }] },
  TCP_MAXRTMS: undocumented,
  TCP_MAXSEG: undocumented,
  TCP_NOSYNRETRIES: undocumented,
  IP_DONTFRAG: { kind: 'udp' },
  IP_MTU_DISCOVER: { samples: [...discovery, { set: 1 }] },
  IP_OPTIONS: linux.IP_OPTIONS,
  IP_RECVERR: { kind: 'udp' },
  IP_RECVTOS: { kind: 'udp' },
  IP_RECVTTL: { kind: 'udp' },
  IP_TOS: ignored('Windows ignores them'),
  IP_UNICAST_IF: { kind: 'unbound', samples: interfaces },
  IP_USER_MTU: { samples: mtu },
  IPV6_DONTFRAG: { kind: 'udp6' },
  IPV6_MTU: readOnlyMtu,
  IPV6_MTU_DISCOVER: { samples: [...discovery, { set: 1 }] },
  IPV6_PROTECTION_LEVEL: { kind: 'unbound6', samples: [{ set: 10 }, { set: 20 }, { set: 30 }] },
  IPV6_RECVERR: { kind: 'udp6' },
  IPV6_RECVHOPLIMIT: { kind: 'udp6' },
  IPV6_RECVPKTINFO: { kind: 'udp6' },
  IPV6_RECVTCLASS: { kind: 'udp6' },
  IPV6_TCLASS: undocumented,
  IPV6_UNICAST_IF: { kind: 'unbound6', samples: interfaces },
  IPV6_USER_MTU: { samples: mtu },
  UDP_RECV_MAX_COALESCED_SIZE: { samples: [{ set: 1500 }, { set: 65535 }] },
  UDP_SEND_MSG_SIZE: { samples: [{ set: 512 }, { set: 1024 }] },
} satisfies Entries

const wine: Entries = {
  ...windows,
  SO_DEBUG: ignored('Wine keeps none'),
  SO_DONTROUTE: ignored('Wine keeps none'),
  // Linux does it.
  IP_TOS: linux.IP_TOS,
  IPV6_PROTECTION_LEVEL: { ...windows.IPV6_PROTECTION_LEVEL, ...ignored('Wine keeps none') },
}

/** What was measured on one system stands for no other: their own entries go here. */
const onlyOn: Record<Platform, Entries> = { linux, darwin: {}, win32: isWine ? wine : windows }

const byName: Entries = { ...everywhere, ...onlyOn[platform] }

/** The kind of socket that has the option, by what the table says. */
export function kindFor(name: OptionName): Kind {
  const { level, sockets }: Row = table[name]
  const six = level === 'IPPROTO_IPV6'
  if (sockets === 'unix' || level === 'SOL_LOCAL') return 'unix'
  if (sockets === 'udp' || level === 'IPPROTO_UDP') return six ? 'udp6' : 'udp'
  if (sockets === 'listener') return six ? 'listener6' : 'listener'
  return six ? 'tcp6' : 'tcp'
}

/** Does the option have an entry of its own? */
export function hasEntry(name: OptionName): boolean {
  return byName[name] !== undefined
}

/** What to try with an option; no samples if nothing is known that suits it. */
export function casesFor({ name, unit }: Pick<OptionInfo, 'unit'> & { name: OptionName }): Case[] {
  const entry = byName[name] ?? {}
  const fromUnit = byUnit.find(([pattern]) => pattern.test(unit))?.[1] ?? []
  return (Array.isArray(entry) ? entry : [entry]).map((one) => ({
    kind: kindFor(name),
    samples: fromUnit,
    ...one,
  }))
}
