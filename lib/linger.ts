import { wholeSeconds } from './durations.js'
import { getOption, setOption } from './sockopt.js'
import type { SocketTarget } from './target.js'

/**
 * How close() ends a connection: `SO_LINGER`.
 *
 * - **Value:** milliseconds, a multiple of 1000 (the kernel keeps seconds), or `null` for off, the default.
 *   - `0`: close() discards what is unsent and sends RST. No TIME_WAIT; the peer reads what had arrived,
 *     then gets `ECONNRESET`.
 *   - more: close() **blocks** until the peer has acknowledged everything, at most so long. In Node that is
 *     the event loop: `socket.destroy()` with 2000 and a silent peer stopped it for 2 s (measured on Linux
 *     6.18, Node 20), and Node sets nothing that would help, non-blocking mode included. Only for sockets
 *     that you hand to something else: {@link closeLingering} waits without blocking, and tells.
 * - **Limits:** Linux 2147483647 s, Windows 65535 s, macOS 327 s (it keeps a short of 10 ms ticks; we use
 *   its `SO_LINGER_SEC`). More is a `RangeError`.
 * - **When:** at any time; on a listener it is inherited by every accepted socket.
 * - **Errors:** as for {@link setOption}.
 * - **Source:** `socket(7)`, RFC 9293 section 3.10.5 (ABORT), Winsock `SO_LINGER`.
 *
 * @example
 * import net from 'node:net'
 * import { setLinger } from 'net-sockopt'
 *
 * const server = net.createServer((socket) => {
 *   setLinger(socket, 0)
 *   socket.destroy() // RST, no TIME_WAIT
 * })
 * server.listen(0, () => {
 *   net.connect(server.address().port).on('error', () => server.close())
 * })
 */
export function setLinger(target: SocketTarget, ms: number | null): void {
  setOption(target, 'SO_LINGER', ms === null ? null : wholeSeconds('ms', ms))
}

/**
 * The linger time of a socket or listener in milliseconds; `null` when it is off.
 *
 * - **Errors:** as for {@link getOption}.
 * - **Source:** `socket(7)`.
 *
 * @example
 * import net from 'node:net'
 * import { getLinger } from 'net-sockopt'
 *
 * const server = net.createServer().listen(0, () => {
 *   console.log(getLinger(server)) // null
 *   server.close()
 * })
 */
export function getLinger(target: SocketTarget): number | null {
  const seconds = getOption(target, 'SO_LINGER')
  return seconds === null ? null : seconds * 1000
}
