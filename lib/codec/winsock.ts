/** What Winsock's `SIO_*` requests take and answer. */
import { addressBytes, type IpEndpoint, readSockaddr, scopeOf, sockaddrBytes } from '../address.js'
import { checkInteger, checkObject } from '../arguments.js'
import { errnoOf, invalidType, invalidValue, systemError } from '../errors.js'
import { type Area, type Codec, everywhere, readOnly } from './codec.js'
import { littleEndian } from './numbers.js'
import {
  type Member,
  put,
  type Scalar,
  structCodec,
  type StructLayout,
  structs,
  take,
} from './structs.js'

/** `struct tcp_keepalive`: onoff 0 or 1, both times in milliseconds. */
export const keepAliveValues = structCodec(structs['struct tcp_keepalive'].win32)

/** `TCP_INITIAL_RTO_PARAMETERS`. */
export const initialRetransmission = structCodec(structs.TCP_INITIAL_RTO_PARAMETERS.win32)

/** `TIMESTAMPING_CONFIG`. */
export const timestampingConfig = structCodec(structs.TIMESTAMPING_CONFIG.win32)

type Values<Members extends Readonly<Record<string, Member<Scalar>>>> = {
  [Name in keyof Members]: Members[Name][0] extends 'u64'
    ? bigint
    : Members[Name][0] extends 'bool'
      ? boolean
      : number
}

const tcpInfoStructs = [
  structs.TCP_INFO_v0.win32,
  structs.TCP_INFO_v1.win32,
  structs.TCP_INFO_v2.win32,
] as const

type OldestInfo = Values<(typeof tcpInfoStructs)[0]['members']>
type NewestInfo = Values<(typeof tcpInfoStructs)[2]['members']>

/** The members of `TCP_INFO_v0`, and as many of v1 (Windows 10 1809) and v2 (Windows 11) as the system has. */
export type WinsockTcpInfo = OldestInfo & Partial<Omit<NewestInfo, keyof OldestInfo>>

function scalarAt(area: Area, at: number, member: Member<Scalar>): number | bigint | boolean {
  const [type, offset] = member
  if (type === 'u64') return area.view.getBigUint64(at + offset, littleEndian)
  if (type === 'bool') return area.view.getUint8(at + offset) !== 0
  return take(area, at, [type, offset])
}

/** Its length says which version it is. */
export const tcpInfo = readOnly<WinsockTcpInfo>(
  'TCP_INFO struct',
  tcpInfoStructs[2].size,
  (area, at, length) => {
    const layouts: readonly StructLayout<string, Scalar>[] = tcpInfoStructs
    const known = layouts.findLast(({ size }) => size <= length) ?? tcpInfoStructs[0]
    const pairs = Object.entries<Member<Scalar>>(known.members).map(([name, member]) => [
      name,
      scalarAt(area, at, member),
    ])
    return Object.fromEntries(pairs) as WinsockTcpInfo
  },
)

/** The CPU and NUMA node of a connection: `SOCKET_PROCESSOR_AFFINITY`. */
export interface ProcessorAffinity {
  /** Processor group. */
  Group: number
  /** Processor within the group. */
  Number: number
  NumaNodeId: number
}

const affinity = structs.SOCKET_PROCESSOR_AFFINITY.win32

export const processorAffinity = readOnly<ProcessorAffinity>(
  '{ Group, Number, NumaNodeId }',
  affinity.size,
  (area, at) => {
    const { Processor, NumaNodeId } = affinity.members
    const { Group, Number } = structs.PROCESSOR_NUMBER.win32.members
    const processorAt = at + Processor[1]
    return {
      Group: take(area, processorAt, Group),
      Number: take(area, processorAt, Number),
      NumaNodeId: take(area, at, NumaNodeId),
    }
  },
)

/** Ports next to each other: `INET_PORT_RANGE`. */
export interface PortBlock {
  /** The first port; 0: the system chooses. */
  StartPort: number
  NumberOfPorts: number
}

/** Ports reserved: `INET_PORT_RESERVATION_INSTANCE`. */
export interface PortReservation extends PortBlock {
  /** What SIO_ASSOCIATE_PORT_RESERVATION and SIO_RELEASE_PORT_RESERVATION take. */
  Token: bigint
}

const portRange = structs.INET_PORT_RANGE.win32
const reservation = structs.INET_PORT_RESERVATION_INSTANCE.win32

/** The first port is in network order, the number of ports in the machine's. */
export const portBlock: Codec<PortBlock> = everywhere('{ StartPort, NumberOfPorts }', {
  size: portRange.size,
  check(value, name) {
    checkObject(name, value, 'StartPort, NumberOfPorts')
    const { StartPort, NumberOfPorts } = value
    checkInteger(`${name}.StartPort`, StartPort, 'port', 0, 65535)
    checkInteger(`${name}.NumberOfPorts`, NumberOfPorts, 'ports', 0, 65535)
    return { StartPort, NumberOfPorts }
  },
  write(area, at, { StartPort, NumberOfPorts }: PortBlock) {
    area.view.setUint16(at + portRange.members.StartPort[1], StartPort, false)
    put(area, at, portRange.members.NumberOfPorts, NumberOfPorts)
    return portRange.size
  },
  read: portBlockAt,
})

function portBlockAt(area: Area, at: number): PortBlock {
  return {
    StartPort: area.view.getUint16(at + portRange.members.StartPort[1], false),
    NumberOfPorts: take(area, at, portRange.members.NumberOfPorts),
  }
}

export const portReservation = readOnly<PortReservation>(
  '{ StartPort, NumberOfPorts, Token }',
  reservation.size,
  (area, at) => ({
    ...portBlockAt(area, at),
    Token: area.view.getBigUint64(at + reservation.members.Token[1], littleEndian),
  }),
)

/** A SOCKET, as a number that is a target: the system uses 32 bits of it. */
export const handle = readOnly<number>('SOCKET', 8, (area, at) =>
  Number(area.view.getBigUint64(at, littleEndian)),
)

/** An address to ask about. An IPv6 one may end with its zone: `fe80::1%3`. */
export interface Destination {
  address: string
  /** Left out: 0. */
  port?: number
  /** Interface index of a link-local IPv6 address, instead of a zone. */
  scope?: number
}

/** `SOCKADDR`, in and out. */
export const winsockAddress: Codec<Destination, IpEndpoint> = everywhere<Destination, IpEndpoint>(
  '{ address, port, scope? }',
  {
    size: 28,
    check(value, name) {
      checkObject(name, value, 'address, port?, scope?')
      const { address, port = 0, scope } = value
      if (typeof address !== 'string') {
        throw invalidType(`${name}.address`, 'an IP address as text', address)
      }
      const length = addressBytes(address)?.length
      const zone = scope ?? scopeOf(address)
      if (length === undefined || zone === undefined) {
        throw invalidValue(`${name}.address`, address, 'must be an IPv4 or IPv6 address')
      }
      checkInteger(`${name}.port`, port, 'port', 0, 65535)
      checkInteger(`${name}.scope`, zone, 'interface index', 0, 2 ** 32 - 1)
      return sockaddrBytes({ family: length === 4 ? 4 : 6, address, port, scope: zone }, 'win32')
    },
    write(area, at, bytes: Uint8Array) {
      area.bytes.set(bytes, at)
      return bytes.length
    },
    read(area, at, length) {
      return endpointAt(area, at, length)
    },
  },
)

function endpointAt(area: Area, at: number, length: number): IpEndpoint {
  const endpoint = readSockaddr(area.bytes.subarray(at, at + length), 'win32')
  if (endpoint === undefined) throw strange('an address that is not IP')
  return endpoint
}

function strange(what: string): Error {
  return systemError(errnoOf('EBADMSG'), 'ioctl', { hint: `the answer holds ${what}` })
}

const listStruct = structs.SOCKET_ADDRESS_LIST.win32
const entryStruct = structs.SOCKET_ADDRESS.win32

/**
 * `SOCKET_ADDRESS_LIST`: a count and pointers to addresses that stand behind them in the same answer. A
 * pointer is followed only within the bytes that the system wrote.
 */
export const addressList = readOnly<IpEndpoint[]>(
  'array of { family, address, port, scope? }',
  32 * 1024,
  (area, at, length) => {
    const { iAddressCount, Address } = listStruct.members
    const count = take(area, at, iAddressCount)
    // An empty list may end behind its count.
    const end = count === 0 ? 4 : Address[1] + count * entryStruct.size
    if (count < 0 || end > length) {
      throw strange(`${count} addresses in ${length} bytes`)
    }
    return Array.from({ length: count }, (_, i) => {
      const entryAt = at + Address[1] + i * entryStruct.size
      const { lpSockaddr, iSockaddrLength } = entryStruct.members
      const pointer = area.view.getBigUint64(entryAt + lpSockaddr[1], littleEndian)
      const offset = pointer - area.address - BigInt(at)
      const size = take(area, entryAt, iSockaddrLength)
      if (offset < 0n || size < 0 || offset + BigInt(size) > BigInt(length)) {
        throw strange('a pointer to somewhere else')
      }
      return endpointAt(area, at + Number(offset), size)
    })
  },
)
