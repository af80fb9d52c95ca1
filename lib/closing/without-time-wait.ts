import { once } from 'node:events'
import type net from 'node:net'
import { checkDelay, checkObject } from '../arguments.js'
import { setLinger } from '../linger.js'
import { unacknowledged } from '../tcp-state.js'
import { destroyQuietly, holdsWithin, SecondDescriptor } from './second-descriptor.js'

export interface CloseWithoutTimeWaitOptions {
  /** Milliseconds that the peer has to acknowledge everything. Default 30000. */
  timeout?: number
}

export interface CloseWithoutTimeWaitResult {
  /** Bytes that the peer had not acknowledged when the time was over, and may have lost; 0 if all is well. */
  unacknowledged: number
}

/**
 * Closes without loss and without TIME_WAIT: waits until Node has written everything and the peer's kernel
 * has acknowledged every byte, then resets the connection instead of ending it.
 *
 * - **Our side:** `'close'`; no TIME_WAIT, whoever began.
 * - **The peer:** reads all of its data, then gets `ECONNRESET` where an ordinary close would give it an end. A
 *   peer that must see an end wants an ordinary `end()`; the best is a protocol in which the *client* closes
 *   first, so that TIME_WAIT stays with it.
 * - **Acknowledged** means that the peer's kernel has it, not that its program has read it.
 * - **When the time is over:** the connection is reset all the same, and the result says how much had not been
 *   acknowledged.
 * - **When:** on a connected socket that has not been `end()`ed; write nothing afterwards.
 * - **Platforms:** Linux (`SIOCOUTQ`), macOS (`SO_NWRITE`), Windows 10 1703 and later (`SIO_TCP_INFO`; before,
 *   `EOPNOTSUPP`, and the socket is left as it was).
 * - **Errors:** rejects with the socket's error if the connection fails meanwhile (the socket's own `'error'`
 *   listeners see it too); otherwise as for {@link resetConnection}.
 * - **Source:** `tcp(7)` (ioctls), RFC 9293 section 3.10.5.
 *
 * @example
 * import net from 'node:net'
 * import { closeWithoutTimeWait } from 'net-sockopt'
 *
 * const server = net.createServer(async (socket) => {
 *   socket.write('all of this arrives')
 *   console.log(await closeWithoutTimeWait(socket, { timeout: 5000 })) // { unacknowledged: 0 }
 *   server.close()
 * })
 * server.listen(0, () => {
 *   net.connect(server.address().port).resume().on('error', () => {}) // ECONNRESET, after the data
 * })
 */
export async function closeWithoutTimeWait(
  socket: net.Socket,
  options: CloseWithoutTimeWaitOptions = {},
): Promise<CloseWithoutTimeWaitResult> {
  checkObject('options', options)
  const { timeout = 30_000 } = options
  checkDelay('options.timeout', timeout)
  const second = new SecondDescriptor(socket, 'closeWithoutTimeWait')
  // The promise tells; without a listener the event would end the process.
  socket.on('error', () => undefined)
  try {
    // What Node itself has not handed to the kernel is lost once its socket is destroyed.
    const left = (): number => second.unwritten + unacknowledged(second.fd)
    let failure: Error | undefined
    await holdsWithin(timeout, () => {
      failure = second.failure
      return failure !== undefined || (socket.destroyed ? unacknowledged(second.fd) : left()) === 0
    })
    if (failure) throw failure
    const result = { unacknowledged: left() }
    const closed = socket.closed ? undefined : once(socket, 'close')
    setLinger(second.fd, 0)
    destroyQuietly(socket)
    await closed
    return result
  } finally {
    // The last descriptor: closing it is what sends RST.
    second[Symbol.dispose]()
  }
}
