/**
 * THE TABLE of ioctl requests, as {@link ./options.ts} has the options: a row per request, a column per
 * platform. Windows' are those of `WSAIoctl`.
 */
import type { Codec } from './codec/codec.js'
import { bool, byte, bytes, int, short, unsigned, unsigned64 } from './codec/numbers.js'
import { rawBytes } from './codec/text.js'
import {
  addressList,
  handle,
  initialRetransmission,
  keepAliveValues,
  portBlock,
  portReservation,
  processorAffinity,
  tcpInfo,
  timestampingConfig,
  winsockAddress,
} from './codec/winsock.js'
import type { Platform } from './platform.js'

export interface IoctlRow {
  readonly numbers: Partial<Record<Platform, number>>
  /** What the request takes; left out: nothing. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- each row has its own value type
  readonly input?: Codec<any, any>
  /** What it answers; left out: nothing, it only sets. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- each row has its own value type
  readonly value?: Codec<any, any>
  /** The input is a version of the answer: these are tried in turn until the system knows one. */
  readonly versions?: readonly number[]
  /** The sockets that have it; left out: every socket. */
  readonly sockets?: 'tcp' | 'udp' | 'unix' | 'raw'
  readonly about: string
  /** When it may be used, if not at any time. */
  readonly when?: string
  /** The privilege it needs. */
  readonly needs?: string
  /** The first version of a system that has it, where that is known. */
  readonly since?: Partial<Record<Platform, string>>
  /** What is easily got wrong about it. */
  readonly note?: string
}

/** Records of redirection are of any length; nobody has seen one as long. */
const opaque = rawBytes(16 * 1024)

// prettier-ignore
export const ioctlTable = {
  FIONREAD: { numbers: { linux: 0x541b, darwin: 0x4004667f, win32: 0x4004667f }, value: bytes,
    about: 'Bytes that can be read at once.', note: 'EINVAL on a listening TCP socket (Linux).' },
  SIOCATMARK: { numbers: { linux: 0x8905, darwin: 0x40047307, win32: 0x40047307 }, value: bool,
    about: 'Is the next byte the one behind urgent data?', note: 'Windows says the opposite: whether no urgent data is left to be read.' },
  SIOCOUTQ: { numbers: { linux: 0x5411 }, value: bytes,
    about: 'Bytes written that the peer has not acknowledged, sent or not.', note: 'macOS has SO_NWRITE. EINVAL on a listening TCP socket.' },
  SIOCOUTQNSD: { numbers: { linux: 0x894b }, value: bytes,
    about: 'Bytes written that have not been sent at all.' },
  SIO_ACQUIRE_PORT_RESERVATION: { numbers: { win32: 0x98000064 }, input: portBlock, value: portReservation,
    about: 'Reserves ports next to each other for this process, until it ends or releases them.', since: { win32: 'Vista' },
    note: 'StartPort 0: the system chooses. For TCP or UDP, as the socket is.' },
  SIO_ADDRESS_LIST_QUERY: { numbers: { win32: 0x48000016 }, value: addressList,
    about: 'The local addresses of the socket\'s family that it could be bound to.', since: { win32: '2000' } },
  SIO_AF_UNIX_GETPEERPID: { numbers: { win32: 0x58000100 }, value: unsigned('process id'), sockets: 'unix',
    about: 'The process at the other end.', when: 'while connected', since: { win32: '10 1803' } },
  SIO_ASSOCIATE_PORT_RESERVATION: { numbers: { win32: 0x98000066 }, input: unsigned64('token'),
    about: 'Lets the socket use a port of a reservation.', when: 'before bind()', since: { win32: 'Vista' } },
  SIO_BASE_HANDLE: { numbers: { win32: 0x48000022 }, value: handle,
    about: 'The socket of the lowest provider, below whatever has been layered over it.', since: { win32: 'Vista' } },
  SIO_CPU_AFFINITY: { numbers: { win32: 0x98000015 }, input: short('processor'), sockets: 'udp',
    about: 'The processor whose datagrams this socket gets, of several sockets on one port.', when: 'before bind()', since: { win32: '10 2004' } },
  SIO_FLUSH: { numbers: { win32: 0x28000004 },
    about: 'Throws away what has been written and not been sent.', note: 'Windows\' own TCP refuses it.' },
  SIO_GET_TX_TIMESTAMP: { numbers: { win32: 0x980000ea }, input: unsigned('id'), value: unsigned64('ticks of the performance counter'), sockets: 'udp',
    about: 'When the datagram with this SO_TIMESTAMP_ID was sent.', since: { win32: '11, Server 2022' },
    note: 'EAGAIN while there is no such time stamp. Each can be read once. Node sends datagrams without an id.' },
  SIO_IDEAL_SEND_BACKLOG_QUERY: { numbers: { win32: 0x4004747b }, value: unsigned('bytes'), sockets: 'tcp',
    about: 'Bytes that should be under way to use the whole bandwidth.', when: 'while connected', since: { win32: 'Vista SP1' } },
  SIO_KEEPALIVE_VALS: { numbers: { win32: 0x98000004 }, input: keepAliveValues, sockets: 'tcp',
    about: 'Keep-alive on or off (onoff), milliseconds until the first probe (keepalivetime) and between probes (keepaliveinterval).',
    since: { win32: '2000' }, note: 'Sets all three and cannot be read; the count of probes is 10. Since Windows 10 1709 there are TCP_KEEPIDLE and TCP_KEEPINTVL.' },
  SIO_LOOPBACK_FAST_PATH: { numbers: { win32: 0x98000010 }, input: bool, sockets: 'tcp',
    about: 'A short cut for connections within the system, which both ends must ask for.', when: 'before connect(), on a listener before accept()',
    since: { win32: '8' }, note: 'Deprecated by Microsoft. Most socket options have no effect then.' },
  SIO_MULTICAST_SCOPE: { numbers: { win32: 0x8800000a }, input: int('hops'), sockets: 'udp',
    about: 'How far multicast datagrams go.', note: 'IP_MULTICAST_TTL says the same.' },
  SIO_QUERY_RSS_PROCESSOR_INFO: { numbers: { win32: 0x48000025 }, value: processorAffinity, sockets: 'tcp',
    about: 'The processor and NUMA node that the connection\'s packets are handled on.', when: 'while connected', since: { win32: '8' } },
  SIO_QUERY_WFP_CONNECTION_REDIRECT_CONTEXT: { numbers: { win32: 0x980000dd }, value: opaque, sockets: 'tcp',
    about: 'What the driver that redirected this connection left with it.', when: 'on an accepted socket', since: { win32: '8' } },
  SIO_QUERY_WFP_CONNECTION_REDIRECT_RECORDS: { numbers: { win32: 0x980000dc }, value: opaque, sockets: 'tcp',
    about: 'The record of this connection\'s redirection, for the connection onwards.', when: 'on an accepted socket', since: { win32: '8' } },
  SIO_RCVALL: { numbers: { win32: 0x98000001 }, input: unsigned('RCVALL_* number'), sockets: 'raw',
    about: 'Every packet of the interface: 0 off, 1 also those for others, 3 those for this system.', when: 'after bind() to one address',
    needs: 'an administrator', since: { win32: '2000' } },
  SIO_RELEASE_PORT_RESERVATION: { numbers: { win32: 0x98000065 }, input: unsigned64('token'),
    about: 'Gives a reservation back.', since: { win32: 'Vista' } },
  SIO_ROUTING_INTERFACE_QUERY: { numbers: { win32: 0xc8000014 }, input: winsockAddress, value: winsockAddress,
    about: 'The local address that packets to this one would come from.', since: { win32: '2000' }, note: 'The address must be of the socket\'s family.' },
  SIO_SET_PRIORITY_HINT: { numbers: { win32: 0x98000018 }, input: int('SOCKET_PRIORITY_HINT number'), sockets: 'tcp',
    about: 'How the traffic out ranks: 0 gives way to everything else (LEDBAT, RFC 6817), 1 low, 2 normal.', since: { win32: '10 1809' } },
  SIO_SET_WFP_CONNECTION_REDIRECT_RECORDS: { numbers: { win32: 0x980000de }, input: opaque, sockets: 'tcp',
    about: 'Hands the record of a redirected connection to the connection onwards.', when: 'before connect()', since: { win32: '8' } },
  SIO_TCP_INFO: { numbers: { win32: 0xd8000027 }, value: tcpInfo, versions: [2, 1, 0], sockets: 'tcp',
    about: 'The statistics of a connection.', since: { win32: '10 1703' },
    note: 'The members behind SynRetrans are there since Windows 10 1809, those behind SndLimBytesSnd since Windows 11. Times in milliseconds (Ms) and microseconds (Us), windows in bytes. A listener has no queue there.' },
  SIO_TCP_INITIAL_RTO: { numbers: { win32: 0x98000011 }, input: initialRetransmission, sockets: 'tcp',
    about: 'How long a connect waits before its SYN is sent again (Rtt, milliseconds), and how often that is.', when: 'before connect()', since: { win32: '8' },
    note: '0 is the system\'s own, 65535 and 255 leave a member as it is; MaxSynRetransmissions 254 is none.' },
  SIO_TCP_SET_ACK_FREQUENCY: { numbers: { win32: 0x98000017 }, input: byte('segments'), sockets: 'tcp',
    about: 'How many segments are answered by one acknowledgement; 1 switches delayed acknowledgements off.', note: 'In the SDK, but not documented. Unlike TCP_QUICKACK it lasts.' },
  SIO_TCP_SET_ICW: { numbers: { win32: 0x98000016 }, input: int('TCP_ICW_LEVEL_* number'), sockets: 'tcp',
    about: 'The first congestion window: 0 the system\'s own, 1 high, 2 very high, 3 aggressive, 4 experimental, 254 compatible.', note: 'In the SDK, but not documented.' },
  SIO_TIMESTAMPING: { numbers: { win32: 0x980000eb }, input: timestampingConfig, sockets: 'udp',
    about: 'Time stamps of datagrams: Flags 1 received, 2 sent; of those sent, TxTimestampsBuffered are kept.', since: { win32: '11, Server 2022' },
    note: 'A received one is a control message, which Node does not see.' },
  SIO_UDP_CONNRESET: { numbers: { win32: 0x9800000c }, input: bool, sockets: 'udp',
    about: 'ECONNRESET when a datagram met a closed port; on at first.', since: { win32: '2000' }, note: 'libuv ignores that error on receiving.' },
  SIO_UDP_NETRESET: { numbers: { win32: 0x9800000f }, input: bool, sockets: 'udp',
    about: 'ENETRESET when a datagram\'s time to live ran out; on at first.', note: 'In the SDK, but not documented.' },
} as const satisfies Record<string, IoctlRow>

const waits = 'waits for a change and would block the event loop'
const pointer = 'answers with a pointer to a function'

/** Requests of Windows that are refused by number too, and why. */
export const refusedRequests = {
  SIO_ADDRESS_LIST_CHANGE: { number: 0x28000017, reason: waits },
  SIO_GET_EXTENSION_FUNCTION_POINTER: { number: 0xc8000006, reason: pointer },
  SIO_GET_MULTIPLE_EXTENSION_FUNCTION_POINTER: { number: 0xc8000024, reason: pointer },
  SIO_IDEAL_SEND_BACKLOG_CHANGE: { number: 0x2000747a, reason: waits },
  SIO_ROUTING_INTERFACE_CHANGE: { number: 0x88000015, reason: waits },
} as const

/** Why a request must not be sent on that system; undefined if it may. */
export function refusalOf(platform: Platform, request: number): string | undefined {
  if (platform !== 'win32') return undefined
  const refused = Object.entries(refusedRequests).find(([, { number }]) => number === request)
  return refused && `is ${refused[0]}, which ${refused[1].reason}`
}
