import { familyNumbers } from './address.js'
import { getRaw } from './batch.js'
import { native } from './binding.js'
import { errnoOf, systemError } from './errors.js'
import type { OptionName } from './option-types.js'
import { platform } from './platform.js'
import { find, type Option } from './resolve.js'

const cache = new Map<string, boolean>()

/**
 * Does this system have the option? The table answers first, then the kernel, asked once with a socket of
 * our own that is closed again; the answer is kept.
 *
 * - **Errors:** a name that net-sockopt does not know on any platform is a `TypeError`.
 *   The system's own, such as `EMFILE`, if it cannot be asked.
 * - An option may be there and still be refused: for want of a privilege (`EPERM`), or in this state
 *   (`EINVAL`).
 *
 * @example
 * import { isSupported } from 'net-sockopt'
 *
 * console.log(isSupported('TCP_USER_TIMEOUT')) // true on Linux
 */
export function isSupported(name: OptionName): boolean {
  const option = find(name)
  if (option === undefined) return false
  const known = cache.get(name)
  if (known !== undefined) return known
  const supported = probe(option)
  cache.set(name, supported)
  return supported
}

/** POSIX and Winsock agree on these. */
const afUnix = 1
const sockStream = 1
const sockDgram = 2

function probe(option: Option): boolean {
  const { level } = option.row
  const unix = option.row.sockets === 'unix'
  const ip = familyNumbers[platform][level === 'IPPROTO_IPV6' ? 6 : 4]
  const datagram = option.row.sockets === 'udp'
  const socket = native.open(unix ? afUnix : ip, datagram ? sockDgram : sockStream, 0)
  // No such family, no such option. Anything else, such as EMFILE, says nothing of the option.
  if (socket === errnoOf('EAFNOSUPPORT')) return false
  if (socket < 0) throw systemError(socket, 'socket')
  try {
    return answers(socket, option)
  } finally {
    native.close(socket)
  }
}

function answers(socket: number, { row, size, level, number }: Option): boolean {
  const { access } = row
  if (access !== 'set' && isKnown(getRaw(socket, level, number, size))) return true
  if (access === 'get') return false
  // Zeros: if the kernel takes them, only a socket that nobody has is changed.
  return isKnown(native.setBytes(socket, level, number, new Uint8Array(size)))
}

function isKnown(result: number | Buffer): boolean {
  return result !== errnoOf('ENOPROTOOPT') && result !== errnoOf('EOPNOTSUPP')
}
