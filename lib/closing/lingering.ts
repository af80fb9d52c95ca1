import { once } from 'node:events'
import type net from 'node:net'
import { checkDelay } from '../arguments.js'
import { setLinger } from '../linger.js'
import { type TcpState, tcpState, unacknowledgedIfKnown } from '../tcp-state.js'
import { destroyQuietly, holdsWithin, SecondDescriptor } from './second-descriptor.js'

export interface CloseLingeringResult {
  /** Has the peer acknowledged everything, the end of the connection included? */
  acknowledged: boolean
  /**
   * Bytes that it had not acknowledged when the time was over; 0 if it has all. The kernel goes on trying with
   * those that it has. On Linux the FIN counts as one. On Windows it may be more; NaN before Windows 10 1703, which
   * cannot tell.
   */
  unacknowledged: number
}

/**
 * Ends a connection in order and waits until the peer has acknowledged everything, the FIN included: what a
 * blocking close() with `SO_LINGER` does, without blocking, and with an answer.
 *
 * The kernel's own lingering close would not do: it keeps whole seconds, holds up a thread, and on Linux
 * returns 0 whether the peer acknowledged or the time was over. So the socket is ended, and its state watched
 * on a second descriptor: FIN acknowledged is FIN_WAIT2, TIME_WAIT or, if the peer had ended first, CLOSE.
 *
 * - **Value:** `ms` milliseconds, whole.
 * - **Our side:** `'close'`; TIME_WAIT for who ends first, as after any ordinary close. What the peer still sends
 *   is read and thrown away, since unread data would turn the close into a reset.
 * - **The peer:** its data, then an end.
 * - **When the time is over:** the socket is closed, the result says so, and the kernel goes on delivering in the
 *   background; only what Node had not handed to it yet is lost.
 * - **When:** on a connected socket, also one that has been `end()`ed.
 * - **Platforms:** all. Windows: where `SIO_TCP_INFO` is missing (before Windows 10 1703) the state comes from the
 *   system's table of connections.
 * - **Errors:** rejects with the socket's error if the peer resets the connection meanwhile (the socket's own
 *   `'error'` listeners see it too); otherwise as for {@link resetConnection}.
 * - **Source:** `socket(7)` (`SO_LINGER`), RFC 9293 section 3.6.
 *
 * @example
 * import net from 'node:net'
 * import { closeLingering } from 'net-sockopt'
 *
 * const server = net.createServer(async (socket) => {
 *   socket.write('last words')
 *   console.log(await closeLingering(socket, 2000)) // { acknowledged: true, unacknowledged: 0 }
 *   server.close()
 * })
 * server.listen(0, () => net.connect(server.address().port).resume())
 */
export async function closeLingering(
  socket: net.Socket,
  ms: number,
): Promise<CloseLingeringResult> {
  checkDelay('ms', ms)
  const second = new SecondDescriptor(socket, 'closeLingering')
  socket.on('error', () => undefined)
  try {
    // One that the listener handed down would make the last close() block, or reset.
    setLinger(second.fd, null)
    socket.resume()
    socket.end()
    let failure: Error | undefined
    let left = 0
    await holdsWithin(ms, () => {
      failure = second.failure
      if (failure) return true
      left = second.unwritten + unacknowledgedIfKnown(second.fd)
      const state = tcpState(second.fd)
      return isFinAcknowledged(state) || (socket.destroyed && !isFinSent(state))
    })
    if (failure) throw failure
    const acknowledged = isFinAcknowledged(tcpState(second.fd))
    const closed = socket.closed ? undefined : once(socket, 'close')
    destroyQuietly(socket)
    await closed
    return { acknowledged, unacknowledged: acknowledged ? 0 : left }
  } finally {
    second[Symbol.dispose]()
  }
}

/** RFC 9293, figure 5. CLOSE, without an error, comes after LAST_ACK, and on Linux stands for TIME_WAIT. */
function isFinAcknowledged(state: TcpState): boolean {
  return state === 'FIN_WAIT2' || state === 'TIME_WAIT' || state === 'CLOSE'
}

/** If not, a socket that the program has destroyed sends it only when our descriptor is closed too. */
function isFinSent(state: TcpState): boolean {
  return state !== 'ESTABLISHED' && state !== 'CLOSE_WAIT'
}
