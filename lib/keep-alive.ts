import { valueOnAccepted } from './accepted.js'
import { wholeSeconds } from './durations.js'
import { checkInteger } from './arguments.js'
import { invalidType, invalidValue } from './errors.js'
import { setForConnections } from './listener-options.js'
import type { OptionValues } from './option-types.js'
import { type Entry, entriesOf } from './batch.js'
import {
  entriesWithTimes,
  lacksTimes,
  rememberTimes,
  systemCount,
  timesOf,
} from './keep-alive-values.js'
import { getOption, getOptions } from './sockopt.js'
import { isSupported } from './support.js'
import type { SocketTarget } from './target.js'

/** When a connection counts as dead. What is left out keeps its value. */
export interface KeepAlive {
  /** Milliseconds without traffic before the first probe, a multiple of 1000. */
  idle?: number
  /** Milliseconds between probes, a multiple of 1000. */
  interval?: number
  /** Unanswered probes before the connection ends with `ETIMEDOUT`. */
  count?: number
}

const members = ['idle', 'interval', 'count']

/** The options behind a setting, in the order in which they must be set. */
export function keepAliveOptions(setting: KeepAlive | false): OptionValues {
  if (setting === false) return { SO_KEEPALIVE: false }
  if (typeof setting !== 'object' || setting === null) {
    throw invalidType('keepAlive', 'an object { idle, interval, count } or false', setting)
  }
  const unknown = Object.keys(setting).find((key) => !members.includes(key))
  if (unknown !== undefined) {
    throw invalidValue(`keepAlive.${unknown}`, setting, 'is not one of idle, interval, count')
  }
  const { idle, interval, count } = setting
  if (count !== undefined) checkInteger('count', count, 'probes', 0, 2 ** 31 - 1)
  // The switch last: it starts the timer, with the values that are there then (tcp_set_keepalive()).
  return {
    ...(idle !== undefined && { TCP_KEEPIDLE: wholeSeconds('idle', idle) }),
    ...(interval !== undefined && { TCP_KEEPINTVL: wholeSeconds('interval', interval) }),
    ...(count !== undefined && { TCP_KEEPCNT: count }),
    SO_KEEPALIVE: true,
  }
}

/** The same for this system: what is to be set, and in which order. */
export function keepAliveEntries(setting: KeepAlive | false, target?: SocketTarget): Entry[] {
  const options = keepAliveOptions(setting)
  if (setting === false || !lacksTimes()) return entriesOf(options)
  return entriesWithTimes(options, timesOf(target))
}

/**
 * Keep-alive, all of it in one call: `SO_KEEPALIVE`, `TCP_KEEPIDLE`, `TCP_KEEPINTVL`, `TCP_KEEPCNT`.
 *
 * A connection without traffic is probed after `idle`, then every `interval`; after `count` probes without
 * an answer it ends with `ETIMEDOUT`, about `idle + interval * count` after the last sign of life. It does
 * not watch data that is on its way: for that, `setUserTimeout`.
 *
 * - **Value:** milliseconds, in whole seconds; `false` switches probes off. The limits are the kernel's
 *   (Linux: 1 to 32767 s, 1 to 127 probes; else `EINVAL`).
 * - **Platforms:** Linux; macOS, whose name for the idle time is `TCP_KEEPALIVE`; Windows.
 * - **Windows:** before Windows 10 1709 by way of `SIO_KEEPALIVE_VALS`, which sets all at once: a time that is
 *   left out is what was set last with this function, or the system's own 7200 s and 1 s. Before 1703 it always
 *   sends 10 probes: a `count` is `ENOPROTOOPT`, and nothing is set.
 * - **Listener:** accepted sockets inherit it. On macOS a listener with keep-alive is dropped by the kernel
 *   (before macOS 14), and the idle time is not inherited: there each accepted socket is set instead.
 * - **Node:** `socket.setKeepAlive(true, ms)`, and the `keepAlive` option of `net.createServer`, overwrite
 *   interval and count with 1 and 10. Call this one after them.
 * - **Errors:** as for {@link setOption}; nothing is set if a value is refused before the call.
 * - **Source:** `tcp(7)`, RFC 9293 section 3.8.4, Winsock `SO_KEEPALIVE`, `SIO_KEEPALIVE_VALS` and
 *   `IPPROTO_TCP` options.
 *
 * @example
 * import net from 'node:net'
 * import { setKeepAlive } from 'net-sockopt'
 *
 * const server = net.createServer().listen(0, () => {
 *   setKeepAlive(server, { idle: 30_000, interval: 10_000, count: 3 }) // dead after about a minute
 *   server.close()
 * })
 */
export function setKeepAlive(target: SocketTarget, keepAlive: KeepAlive | false): void {
  const entries = keepAliveEntries(keepAlive, target)
  setForConnections(target, entries)
  rememberTimes(target, entries)
}

/**
 * The keep-alive setting of a socket or listener in milliseconds; `false` when it is off.
 *
 * - **Windows:** before Windows 10 1709 the times cannot be read: they are what was set last on this target, or
 *   on the server that accepted it, by `setKeepAlive` or `listenWithBacklog`; otherwise 7200 s and 1 s.
 * - **Errors:** as for {@link getOption}.
 * - **Source:** `tcp(7)`.
 *
 * @example
 * import net from 'node:net'
 * import { getKeepAlive } from 'net-sockopt'
 *
 * const server = net.createServer().listen(0, () => {
 *   console.log(getKeepAlive(server)) // false
 *   server.close()
 * })
 */
export function getKeepAlive(target: SocketTarget): Required<KeepAlive> | false {
  if (lacksTimes()) return rememberedKeepAlive(target)
  const kept = getOptions(target, ['SO_KEEPALIVE', 'TCP_KEEPIDLE', 'TCP_KEEPINTVL', 'TCP_KEEPCNT'])
  if (!(valueOnAccepted(target, 'SO_KEEPALIVE') ?? kept.SO_KEEPALIVE)) return false
  const idle = (valueOnAccepted(target, 'TCP_KEEPIDLE') as number | undefined) ?? kept.TCP_KEEPIDLE
  return { idle: idle * 1000, interval: kept.TCP_KEEPINTVL * 1000, count: kept.TCP_KEEPCNT }
}

function rememberedKeepAlive(target: SocketTarget): Required<KeepAlive> | false {
  if (!getOption(target, 'SO_KEEPALIVE')) return false
  const count = isSupported('TCP_KEEPCNT') ? getOption(target, 'TCP_KEEPCNT') : systemCount
  return { ...timesOf(target), count }
}
