import { valueOnAccepted } from './accepted.js'
import { checkInteger } from './arguments.js'
import { wholeSeconds } from './durations.js'
import { setForConnections } from './listener-options.js'
import type { OptionValues } from './option-types.js'
import { type Platform, platform } from './platform.js'
import { entriesOf } from './batch.js'
import { getOption } from './sockopt.js'
import { isSupported } from './support.js'
import type { SocketTarget } from './target.js'

type TimeoutOption = 'TCP_USER_TIMEOUT' | 'TCP_RXT_CONNDROPTIME' | 'TCP_MAXRTMS' | 'TCP_MAXRT'

/** The option that stands behind the user timeout, and the milliseconds in its unit. */
interface Mapping {
  option: TimeoutOption
  unit: 1 | 1000
}

/** What each system has for it, the best first. */
export const userTimeoutMappings: Record<Platform, readonly [Mapping, ...Mapping[]]> = {
  linux: [{ option: 'TCP_USER_TIMEOUT', unit: 1 }],
  darwin: [{ option: 'TCP_RXT_CONNDROPTIME', unit: 1000 }],
  win32: [
    { option: 'TCP_MAXRTMS', unit: 1 },
    { option: 'TCP_MAXRT', unit: 1000 },
  ],
}

/** The option to set for a user timeout, with its value in the option's own unit. */
export function userTimeoutOption({ option, unit }: Mapping, ms: number): OptionValues {
  checkInteger('ms', ms, 'milliseconds', 0, 2 ** 32 - 1)
  return { [option]: unit === 1 ? ms : wholeSeconds('ms', ms) }
}

/** The same for this system. */
export function userTimeoutOptions(ms: number): OptionValues {
  return userTimeoutOption(mappingHere(), ms)
}

function mappingHere(): Mapping {
  const [best, ...others] = userTimeoutMappings[platform]
  // The system is asked only where there is a choice: that takes a descriptor, and they may be short.
  if (others.length === 0) return best
  return [best, ...others].find(({ option }) => isSupported(option)) ?? best
}

/**
 * How long sent data may stay unacknowledged before the connection ends with `ETIMEDOUT`.
 *
 * It finds the dead peer that keep-alive cannot see while data is on its way; with keep-alive on, it also
 * overrides the count of probes on an idle connection. On a socket that connects it limits the attempt.
 *
 * - **Value:** milliseconds; 0 is the system's own limit (Linux: about 15 minutes).
 * - **Platforms:** Linux `TCP_USER_TIMEOUT`; macOS `TCP_RXT_CONNDROPTIME` and Windows `TCP_MAXRT` keep
 *   whole seconds, so a multiple of 1000 there; Windows 10 1607 and later `TCP_MAXRTMS`.
 * - **Listener:** accepted sockets inherit it; on macOS each is set instead.
 * - **Errors:** as for {@link setOption}.
 * - **Source:** `tcp(7)`, RFC 5482, RFC 9293 section 3.9.1, Winsock `IPPROTO_TCP` options.
 *
 * @example
 * import net from 'node:net'
 * import { setUserTimeout } from 'net-sockopt'
 *
 * const server = net.createServer().listen(0, () => {
 *   const socket = net.connect(server.address().port, () => {
 *     setUserTimeout(socket, 30_000)
 *     socket.destroy()
 *     server.close()
 *   })
 * })
 */
export function setUserTimeout(target: SocketTarget, ms: number): void {
  setForConnections(target, entriesOf(userTimeoutOptions(ms)))
}

/**
 * The user timeout of a socket or listener in milliseconds; 0 is the system's own limit.
 *
 * - **Errors:** as for {@link getOption}.
 * - **Source:** `tcp(7)`.
 *
 * @example
 * import net from 'node:net'
 * import { getUserTimeout } from 'net-sockopt'
 *
 * const server = net.createServer().listen(0, () => {
 *   console.log(getUserTimeout(server)) // 0
 *   server.close()
 * })
 */
export function getUserTimeout(target: SocketTarget): number {
  const { option, unit } = mappingHere()
  const value = (valueOnAccepted(target, option) as number | undefined) ?? getOption(target, option)
  return value * unit
}
