/**
 * What Windows has and Wine refuses, with the code of its answer. Tests that go through all options and requests
 * expect exactly this under Wine, so that a Wine that learns one of them is noticed; on Windows itself nothing here
 * counts. Measured with Wine 8.0 and 10.0 on Linux.
 */
import { ioctlTable } from '../../lib/ioctls.js'
import type { OptionName } from '../../lib/index.js'
import { isWine, isWine8 } from './system.js'

interface Refusal {
  code: 'ENOPROTOOPT' | 'EINVAL' | 'EOPNOTSUPP'
  /** What is refused; left out: everything. */
  only?: 'get' | 'set'
}

const unknown: Refusal = { code: 'ENOPROTOOPT' }
/** Taken, and thrown away. */
const cannotBeRead: Refusal = { code: 'ENOPROTOOPT', only: 'get' }
/** Nothing is known at the level IPPROTO_UDP. */
const unknownLevel: Refusal = { code: 'EINVAL' }

const options: Partial<Record<OptionName, Refusal>> = {
  SO_COMPARTMENT_ID: unknown,
  SO_CONDITIONAL_ACCEPT: unknown,
  SO_PAUSE_ACCEPT: unknown,
  SO_PORT_SCALABILITY: cannotBeRead,
  SO_RANDOMPORT: cannotBeRead,
  SO_REUSE_UNICASTPORT: cannotBeRead,
  TCP_BSDURGENT: unknown,
  TCP_CONGESTION_ALGORITHM: unknown,
  TCP_DELAY_FIN_ACK: unknown,
  TCP_EXPEDITED_1122: unknown,
  TCP_FAIL_CONNECT_ON_ICMP_ERROR: unknown,
  TCP_FASTOPEN: unknown,
  TCP_ICMP_ERROR_INFO: unknown,
  // Wine 10 has them.
  ...(isWine8 && { TCP_KEEPCNT: unknown, TCP_KEEPIDLE: unknown, TCP_KEEPINTVL: unknown }),
  TCP_MAXRT: unknown,
  TCP_MAXRTMS: unknown,
  TCP_MAXSEG: unknown,
  TCP_NOSYNRETRIES: unknown,
  TCP_TIMESTAMPS: unknown,
  IP_MTU: unknown,
  IP_MTU_DISCOVER: unknown,
  IP_RECVERR: unknown,
  IP_USER_MTU: unknown,
  SO_ORIGINAL_DST: unknown,
  IP6T_SO_ORIGINAL_DST: unknown,
  IPV6_MTU: unknown,
  IPV6_MTU_DISCOVER: unknown,
  IPV6_RECVERR: unknown,
  IPV6_TCLASS: unknown,
  // It hands the index on as it is; Linux wants it in network order.
  IPV6_UNICAST_IF: { code: 'EINVAL', only: 'set' },
  IPV6_USER_MTU: unknown,
  UDP_NOCKSUM: unknownLevel,
  UDP_RECV_MAX_COALESCED_SIZE: unknownLevel,
  UDP_SEND_MSG_SIZE: unknownLevel,
}

/** The requests that it knows; the others are EOPNOTSUPP. */
const knownRequests = [
  'FIONREAD',
  'SIOCATMARK',
  'SIO_ADDRESS_LIST_QUERY',
  'SIO_BASE_HANDLE',
  'SIO_IDEAL_SEND_BACKLOG_QUERY',
  'SIO_KEEPALIVE_VALS',
  'SIO_ROUTING_INTERFACE_QUERY',
  'SIO_UDP_CONNRESET',
]

const requests = Object.fromEntries(
  Object.entries(ioctlTable)
    .filter(([name, { numbers }]) => 'win32' in numbers && !knownRequests.includes(name))
    .map(([name]) => [name, { code: 'EOPNOTSUPP' } as const]),
)

const refusals: Readonly<Record<string, Refusal>> = { ...options, ...requests }

/** The code that this system refuses an option or a request with because it is Wine; undefined if it should not. */
export function wineRefusal(name: string, access: 'get' | 'set'): Refusal['code'] | undefined {
  const refusal = isWine ? refusals[name] : undefined
  return refusal?.only === undefined || refusal.only === access ? refusal?.code : undefined
}
