/** Where the members of C structs lie, and structs as plain objects whose keys are those members. */
import { invalidType } from '../errors.js'
import type { Platform } from '../platform.js'
import { type Area, type Codec, everywhere, type Layout, readOnly } from './codec.js'
import { checkInteger, checkObject } from '../arguments.js'
import { littleEndian } from './numbers.js'

const integers = {
  u8: { min: 0, max: 255 },
  u16: { min: 0, max: 65535 },
  i32: { min: -(2 ** 31), max: 2 ** 31 - 1 },
  u32: { min: 0, max: 2 ** 32 - 1 },
  i64: { min: Number.MIN_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER },
}

type Integer = keyof typeof integers

/** What is no number in JavaScript: a bigint, and a boolean in one byte. */
export type Scalar = Integer | 'u64' | 'bool'

/** A member: its type, or its size where it is no scalar, and its offset, as `offsetof` gives it. */
export type Member<Type = Scalar | number> = readonly [type: Type, offset: number]

export interface StructLayout<Name extends string = string, Type = Scalar | number> {
  readonly size: number
  readonly members: Readonly<Record<Name, Member<Type>>>
}

const linger = { size: 8, members: { l_onoff: ['i32', 0], l_linger: ['i32', 4] } } as const
const membership = { size: 8, members: { imr_multiaddr: [4, 0], imr_interface: [4, 4] } } as const
const membershipIPv6 = {
  size: 20,
  members: { ipv6mr_multiaddr: [16, 0], ipv6mr_interface: ['u32', 16] },
} as const
const sourceMembership = {
  size: 12,
  members: { imr_multiaddr: [4, 0], imr_sourceaddr: [4, 4], imr_interface: [4, 8] },
} as const

/** `TCP_INFO_v0` to `v2` of Windows: each begins with the one before. */
const tcpInfo0 = {
  State: ['i32', 0],
  Mss: ['u32', 4],
  ConnectionTimeMs: ['u64', 8],
  TimestampsEnabled: ['bool', 16],
  RttUs: ['u32', 20],
  MinRttUs: ['u32', 24],
  BytesInFlight: ['u32', 28],
  Cwnd: ['u32', 32],
  SndWnd: ['u32', 36],
  RcvWnd: ['u32', 40],
  RcvBuf: ['u32', 44],
  BytesOut: ['u64', 48],
  BytesIn: ['u64', 56],
  BytesReordered: ['u32', 64],
  BytesRetrans: ['u32', 68],
  FastRetrans: ['u32', 72],
  DupAcksIn: ['u32', 76],
  TimeoutEpisodes: ['u32', 80],
  SynRetrans: ['u8', 84],
} as const
const tcpInfo1 = {
  ...tcpInfo0,
  SndLimTransRwin: ['u32', 88],
  SndLimTimeRwin: ['u32', 92],
  SndLimBytesRwin: ['u64', 96],
  SndLimTransCwnd: ['u32', 104],
  SndLimTimeCwnd: ['u32', 108],
  SndLimBytesCwnd: ['u64', 112],
  SndLimTransSnd: ['u32', 120],
  SndLimTimeSnd: ['u32', 124],
  SndLimBytesSnd: ['u64', 128],
} as const
const tcpInfo2 = {
  ...tcpInfo1,
  OutOfOrderPktsIn: ['u32', 136],
  EcnNegotiated: ['bool', 140],
  EceAcksIn: ['u32', 144],
  PtoEpisodes: ['u32', 148],
} as const

/**
 * Every struct that a codec knows, by its name in C, with the members that it uses. A column per
 * platform, like the table of options; `scripts/check-constants.js` holds them against the headers.
 */
export const structs = {
  /** Windows, after a failed connect: `ws2ipdef.h`. */
  ICMP_ERROR_INFO: {
    win32: {
      size: 36,
      members: { srcaddress: [28, 0], protocol: ['i32', 28], type: ['u8', 32], code: ['u8', 33] },
    },
  },
  INET_PORT_RANGE: {
    win32: { size: 4, members: { StartPort: ['u16', 0], NumberOfPorts: ['u16', 2] } },
  },
  INET_PORT_RESERVATION_INSTANCE: {
    win32: {
      size: 16,
      members: { StartPort: ['u16', 0], NumberOfPorts: ['u16', 2], Token: ['u64', 8] },
    },
  },
  INET_PORT_RESERVATION_TOKEN: { win32: { size: 8, members: { Token: ['u64', 0] } } },
  PROCESSOR_NUMBER: { win32: { size: 4, members: { Group: ['u16', 0], Number: ['u8', 2] } } },
  SOCKET_ADDRESS: {
    win32: { size: 16, members: { lpSockaddr: ['u64', 0], iSockaddrLength: ['i32', 8] } },
  },
  /** With room for one address; the others follow. */
  SOCKET_ADDRESS_LIST: {
    win32: { size: 24, members: { iAddressCount: ['i32', 0], Address: [16, 8] } },
  },
  SOCKET_PROCESSOR_AFFINITY: {
    win32: { size: 8, members: { Processor: [4, 0], NumaNodeId: ['u16', 4] } },
  },
  TCP_ACK_FREQUENCY_PARAMETERS: {
    win32: { size: 1, members: { TcpDelayedAckFrequency: ['u8', 0] } },
  },
  TCP_ICW_PARAMETERS: { win32: { size: 4, members: { Level: ['i32', 0] } } },
  TCP_INFO_v0: { win32: { size: 88, members: tcpInfo0 } },
  TCP_INFO_v1: { win32: { size: 136, members: tcpInfo1 } },
  TCP_INFO_v2: { win32: { size: 152, members: tcpInfo2 } },
  TCP_INITIAL_RTO_PARAMETERS: {
    win32: { size: 4, members: { Rtt: ['u16', 0], MaxSynRetransmissions: ['u8', 2] } },
  },
  TIMESTAMPING_CONFIG: {
    win32: { size: 8, members: { Flags: ['u32', 0], TxTimestampsBuffered: ['u16', 4] } },
  },
  'struct ip_mreq': { linux: membership, darwin: membership, win32: membership },
  'struct ip_mreq_source': {
    linux: {
      size: 12,
      members: { imr_multiaddr: [4, 0], imr_interface: [4, 4], imr_sourceaddr: [4, 8] },
    },
    darwin: sourceMembership,
    win32: sourceMembership,
  },
  'struct ipv6_mreq': { linux: membershipIPv6, darwin: membershipIPv6, win32: membershipIPv6 },
  'struct linger': {
    linux: linger,
    darwin: linger,
    win32: { size: 4, members: { l_onoff: ['u16', 0], l_linger: ['u16', 2] } },
  },
  'struct so_np_extensions': {
    darwin: { size: 8, members: { npx_flags: ['u32', 0], npx_mask: ['u32', 4] } },
  },
  'struct so_timestamping': {
    linux: { size: 8, members: { flags: ['i32', 0], bind_phc: ['i32', 4] } },
  },
  'struct sock_filter': {
    linux: { size: 8, members: { code: ['u16', 0], jt: ['u8', 2], jf: ['u8', 3], k: ['u32', 4] } },
  },
  'struct sock_fprog': { linux: { size: 16, members: { len: ['u16', 0], filter: [8, 8] } } },
  'struct sock_txtime': {
    linux: { size: 8, members: { clockid: ['i32', 0], flags: ['u32', 4] } },
  },
  'struct tcp_keepalive': {
    win32: {
      size: 12,
      members: { onoff: ['u32', 0], keepalivetime: ['u32', 4], keepaliveinterval: ['u32', 8] },
    },
  },
  'struct tcp_md5sig': {
    linux: {
      size: 216,
      members: {
        tcpm_addr: [128, 0],
        tcpm_flags: ['u8', 128],
        tcpm_prefixlen: ['u8', 129],
        tcpm_keylen: ['u16', 130],
        tcpm_key: [80, 136],
      },
    },
  },
  /** On 64 bits time_t has 8 bytes everywhere; suseconds_t has 8 on Linux, 4 and padding on macOS. */
  'struct timeval': {
    linux: { size: 16, members: { tv_sec: ['i64', 0], tv_usec: ['i64', 8] } },
    darwin: { size: 16, members: { tv_sec: ['i64', 0], tv_usec: ['i32', 8] } },
  },
  'struct ucred': {
    linux: { size: 12, members: { pid: ['i32', 0], uid: ['u32', 4], gid: ['u32', 8] } },
  },
  'struct xucred': {
    darwin: {
      size: 76,
      members: {
        cr_version: ['u32', 0],
        cr_uid: ['u32', 4],
        cr_ngroups: ['u16', 8],
        cr_groups: [64, 12],
      },
    },
  },
} as const satisfies Record<string, Partial<Record<Platform, StructLayout>>>

/** Writes an integer member of the struct at `at`. */
export function put(
  area: Pick<Area, 'view'>,
  at: number,
  member: Member<Integer>,
  value: number,
): void {
  // Not destructured: this is on the path of setLinger, where an iterator would cost as much as the rest.
  const type = member[0]
  const to = at + member[1]
  const { view } = area
  if (type === 'i32') view.setInt32(to, value, littleEndian)
  else if (type === 'u8') view.setUint8(to, value)
  else if (type === 'u16') view.setUint16(to, value, littleEndian)
  else if (type === 'u32') view.setUint32(to, value, littleEndian)
  else view.setBigInt64(to, BigInt(value), littleEndian)
}

/** Reads an integer member of the struct at `at`. */
export function take(area: Pick<Area, 'view'>, at: number, member: Member<Integer>): number {
  const type = member[0]
  const from = at + member[1]
  const { view } = area
  if (type === 'i32') return view.getInt32(from, littleEndian)
  if (type === 'u8') return view.getUint8(from)
  if (type === 'u16') return view.getUint16(from, littleEndian)
  if (type === 'u32') return view.getUint32(from, littleEndian)
  return Number(view.getBigInt64(from, littleEndian))
}

/** The bytes of a member that is no integer. They are the area's own: copy what shall last. */
export function bytesOf(area: Area, at: number, member: Member<number>): Uint8Array {
  const [size, offset] = member
  return area.bytes.subarray(at + offset, at + offset + size)
}

function struct<Name extends string>(
  layout: StructLayout<Name, Integer>,
): Layout<Record<Name, number>> {
  const { size } = layout
  const members = Object.entries(layout.members) as [Name, Member<Integer>][]
  return {
    size,
    check(value, name) {
      checkObject(name, value, members.map(([key]) => key).join(', '))
      return members.map(([key, [type]]) => {
        const number = value[key]
        checkInteger(`${name}.${key}`, number, type, integers[type].min, integers[type].max)
        return number
      })
    },
    write(area, at, numbers: number[]) {
      area.bytes.fill(0, at, at + size)
      members.forEach(([, member], i) => put(area, at, member, numbers[i] ?? 0))
      return size
    },
    read(area, at, length) {
      // A kernel that knows fewer members writes fewer bytes; the area was zeroed before.
      const present = members.filter(([, [, offset]]) => offset < length)
      const pairs = present.map(([key, member]) => [key, take(area, at, member)])
      return Object.fromEntries(pairs) as Record<Name, number>
    },
  }
}

/** A struct of numbers, as an object. */
export function structCodec<Name extends string>(
  layout: StructLayout<Name, Integer>,
): Codec<Record<Name, number>> {
  return everywhere(`{ ${Object.keys(layout.members).join(', ')} }`, struct(layout))
}

/** `struct ucred` (unix(7)). */
export const peerCredentials = structCodec(structs['struct ucred'].linux)

/** The `u32[]` of `SO_MEMINFO`, by the names of `SK_MEMINFO_*` (linux/sock_diag.h). */
export const memoryInfo = structCodec({
  size: 36,
  members: {
    rmem_alloc: ['u32', 0],
    rcvbuf: ['u32', 4],
    wmem_alloc: ['u32', 8],
    sndbuf: ['u32', 12],
    fwd_alloc: ['u32', 16],
    wmem_queued: ['u32', 20],
    optmem: ['u32', 24],
    backlog: ['u32', 28],
    drops: ['u32', 32],
  },
})

/** `struct sock_txtime` (linux/net_tstamp.h). */
export const transmitTime = structCodec(structs['struct sock_txtime'].linux)

/** `struct so_timestamping` (linux/net_tstamp.h). */
export const timestamping = structCodec(structs['struct so_timestamping'].linux)

/** `struct so_np_extensions` (macOS sys/socket.h). */
export const darwinExtensions = structCodec(structs['struct so_np_extensions'].darwin)

/** `struct xucred` (macOS sys/ucred.h); the first group is the effective one. */
export interface DarwinCredentials {
  cr_version: number
  cr_uid: number
  cr_groups: number[]
}

const xucred = structs['struct xucred'].darwin

export const darwinCredentials = readOnly<DarwinCredentials>(
  '{ cr_version, cr_uid, cr_groups }',
  xucred.size,
  (area, at) => {
    const { cr_version, cr_uid, cr_ngroups, cr_groups } = xucred.members
    const length = Math.min(take(area, at, cr_ngroups), cr_groups[0] / 4)
    const groups = Array.from({ length }, (_, i) =>
      area.view.getUint32(at + cr_groups[1] + 4 * i, littleEndian),
    )
    return {
      cr_version: take(area, at, cr_version),
      cr_uid: take(area, at, cr_uid),
      cr_groups: groups,
    }
  },
)

/** An array of `u32`, such as the group ids of `SO_PEERGROUPS`. */
export const numberList: Codec<readonly number[], number[]> = everywhere<
  readonly number[],
  number[]
>('array of numbers', {
  // Half of the area: 8192 numbers. A process may have 65536 groups, but one with so many is none of ours.
  size: 32 * 1024,
  check(value, name) {
    if (!Array.isArray(value)) throw invalidType(name, 'an array of numbers', value)
    return Array.from(value, (number: unknown, i) => {
      checkInteger(`${name}[${i}]`, number, 'u32', 0, 2 ** 32 - 1)
      return number
    })
  },
  write(area, at, numbers: number[]) {
    numbers.forEach((number, i) => area.view.setUint32(at + 4 * i, number, littleEndian))
    return 4 * numbers.length
  },
  read(area, at, length) {
    return Array.from({ length: length / 4 }, (_, i) =>
      area.view.getUint32(at + 4 * i, littleEndian),
    )
  },
})
