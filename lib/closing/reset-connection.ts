import type net from 'node:net'
import { setLinger } from '../linger.js'
import { connectionOf, destroyQuietly } from './second-descriptor.js'

/**
 * Ends a connection with RST, now, whatever is still to be written or read. For plain and TLS sockets
 * (Node's `resetAndDestroy()` throws on TLS).
 *
 * - **Our side:** `'close'` follows, no error; no TIME_WAIT.
 * - **The peer:** reads what had arrived, then gets `ECONNRESET`. What did not fit its window is lost.
 * - **Platforms:** all. A Unix socket has no RST: `EOPNOTSUPP`.
 * - **When:** on a connected socket; before that `ERR_SOCKET_NOT_OPEN`, after it `ERR_SOCKET_CLOSED`.
 * - **Source:** RFC 9293 section 3.10.5 (ABORT), `SO_LINGER` with 0 in `socket(7)`.
 *
 * @example
 * import net from 'node:net'
 * import { resetConnection } from 'net-sockopt'
 *
 * const server = net.createServer((socket) => resetConnection(socket)).listen(0, () => {
 *   net.connect(server.address().port).on('error', (error) => {
 *     console.log(error.code) // ECONNRESET
 *     server.close()
 *   })
 * })
 */
export function resetConnection(socket: net.Socket): void {
  setLinger(connectionOf(socket, 'resetConnection'), 0)
  destroyQuietly(socket)
}
