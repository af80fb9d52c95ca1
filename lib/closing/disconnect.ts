import type net from 'node:net'
import { native } from '../binding.js'
import { systemError } from '../errors.js'
import { connectionOf, destroyQuietly } from './second-descriptor.js'

/**
 * Dissolves the association of a socket with its peer, and closes it: `connect(2)` with `AF_UNSPEC`;
 * `DisconnectEx` on Windows.
 *
 * Linux sends RST at once, whatever `SO_LINGER` says. What the peer's kernel had received stays readable, then
 * it gets `ECONNRESET`; what was still on its way is lost. Measured on Linux 6.18 on loopback, with a peer that
 * reads: 4 bytes never lost (1000 of 1000); 256 KiB cut short in 103 to 183 of 200, 1 MiB in 128 to 167 of
 * 200. It is {@link resetConnection} by another call: to lose nothing, use {@link closeWithoutTimeWait}.
 *
 * - **Our side:** `'close'`, no error; no TIME_WAIT on Linux; received data that was not read is discarded.
 * - **Platforms:** Linux, macOS; Windows, where it is an orderly close: the peer gets its data, then an end, and who
 *   ends first has TIME_WAIT.
 * - **When, errors:** as for {@link resetConnection}.
 * - **Source:** `connect(2)`, Winsock `DisconnectEx`.
 *
 * @example
 * import net from 'node:net'
 * import { disconnect } from 'net-sockopt'
 *
 * const server = net.createServer((socket) => disconnect(socket)).listen(0, () => {
 *   net.connect(server.address().port).on('error', (error) => {
 *     console.log(error.code) // ECONNRESET
 *     server.close()
 *   })
 * })
 */
export function disconnect(socket: net.Socket): void {
  const result = native.disconnect(connectionOf(socket, 'disconnect'))
  if (result < 0) throw systemError(result, 'disconnect')
  destroyQuietly(socket)
}
