/**
 * Options for tests that need some option, whichever: plain ints of every TCP socket over IPv4, none of which does
 * anything to a test that sets it. Windows has TCP_KEEPIDLE and its kin as well, but Wine 8 lacks them.
 */
import { isWindows, isWine } from './system.js'

/** Typed as Linux' names, which have the same kind of value, so that objects may have them as keys. */
interface Probe {
  /** Takes 77 and 78. Accepted sockets inherit it on Linux. */
  readonly name: 'TCP_KEEPIDLE'
  /** What a new socket has. */
  readonly initial: number
  /** A value that fits but is EINVAL. */
  readonly refused: number
  /** Two more, each with a value that is not its initial one. */
  readonly second: 'TCP_KEEPINTVL'
  readonly secondValue: number
  readonly third: 'TCP_KEEPCNT'
  readonly thirdValue: number
}

const keepAlive: Probe = {
  name: 'TCP_KEEPIDLE',
  initial: 7200,
  refused: 40_000,
  second: 'TCP_KEEPINTVL',
  secondValue: 33,
  third: 'TCP_KEEPCNT',
  thirdValue: 5,
}

const onWindows = {
  name: 'IP_TTL',
  // Linux' and Windows' own (DefaultTTL in the registry).
  initial: isWine ? 64 : 128,
  refused: 256,
  second: 'SO_RCVBUF',
  secondValue: 33_000,
  third: 'SO_SNDBUF',
  thirdValue: 35_000,
}

export const probe = isWindows ? (onWindows as unknown as Probe) : keepAlive
