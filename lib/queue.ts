import { area, native } from './binding.js'
import { checkInteger } from './arguments.js'
import { littleEndian } from './codec/numbers.js'
import { errnoOf, systemError } from './errors.js'
import { platform, platformNames } from './platform.js'
import { openSocketOf, type SocketTarget } from './target.js'

/** The accept queue of a listener. */
export interface AcceptQueue {
  /** Connections that are established and wait for accept(). */
  length: number
  /** The backlog that the kernel keeps, after it cut it to its own limit. Linux holds one connection more. */
  limit: number
}

const hints = new Map([
  [errnoOf('EINVAL'), 'the socket does not listen'],
  [errnoOf('ENOPROTOOPT'), `${platformNames[platform]} has no way to ask`],
])

/**
 * How many connections wait to be accepted, and how many may.
 *
 * - **Platforms:** Linux (`TCP_INFO` on the listener; `sock_diag(7)` for a Unix socket), no privilege needed;
 *   macOS (`proc_pidfdinfo`); on Windows there is no way to ask: `ENOPROTOOPT`.
 * - **When:** on a listener, whoever made it listen; another socket is `EINVAL`.
 * - **Errors:** as for {@link getOption}.
 * - **Source:** `listen(2)`, `tcp(7)`, `sock_diag(7)`.
 *
 * @example
 * import net from 'node:net'
 * import { getAcceptQueue } from 'net-sockopt'
 *
 * const server = net.createServer().listen(0, () => {
 *   console.log(getAcceptQueue(server)) // { length: 0, limit: 511 }
 *   server.close()
 * })
 */
export function getAcceptQueue(target: SocketTarget): AcceptQueue {
  const result = native.getAcceptQueue(openSocketOf(target))
  if (result < 0) {
    throw systemError(result, 'getAcceptQueue', { hint: hints.get(result) })
  }
  return { length: area.view.getInt32(0, littleEndian), limit: area.view.getInt32(4, littleEndian) }
}

/**
 * Changes the backlog of a listener while it listens, also one that Node itself made listen.
 *
 * A longer queue admits waiting clients at their next SYN; a shorter one keeps what is queued already.
 *
 * - **Value:** connections, 0 or more. The kernel cuts it silently to its own limit (Linux:
 *   `net.core.somaxconn`; macOS: `kern.ipc.somaxconn`, and 0 is that limit there): {@link getAcceptQueue}
 *   shows what it keeps.
 * - **Platforms:** Linux, macOS; on Windows the system would answer "success" and change nothing, so it is
 *   `ENOPROTOOPT`.
 * - **When:** on a listener; another socket is `EINVAL`, and does not begin to listen.
 * - **Errors:** as for {@link setOption}.
 * - **Source:** `listen(2)`.
 *
 * @example
 * import net from 'node:net'
 * import { getAcceptQueue, setBacklog } from 'net-sockopt'
 *
 * const server = net.createServer().listen(0, () => {
 *   setBacklog(server, 1024)
 *   console.log(getAcceptQueue(server).limit) // 1024
 *   server.close()
 * })
 */
export function setBacklog(target: SocketTarget, backlog: number): void {
  checkInteger('backlog', backlog, 'connections', 0, 2 ** 31 - 1)
  const socket = openSocketOf(target)
  if (platform === 'win32') {
    const hint = `${platformNames.win32} cannot change the backlog of a listener`
    throw systemError(errnoOf('ENOPROTOOPT'), 'listen', { hint })
  }
  getAcceptQueue(target)
  const result = native.listen(socket, backlog)
  if (result < 0) throw systemError(result, 'listen')
}
