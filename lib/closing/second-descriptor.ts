/**
 * A second descriptor of a socket that is being closed. Node may close its own at any step: on an error,
 * on the peer's end, because the program says so. Ours stays, so nothing here ever touches a descriptor
 * number that has become somebody else's.
 */
import net from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { native } from '../binding.js'
import { errnoOf, invalidType, invalidValue, systemError, targetError } from '../errors.js'
import { isUnix, ownerOf, handleOf, streamBelow } from '../node-internals.js'
import { getOption } from '../sockopt.js'
import { openSocketOf } from '../target.js'
import { tcpState } from '../tcp-state.js'

/** Throws unless this is an open TCP connection; its descriptor. */
export function connectionOf(socket: net.Socket, verb: string): number {
  if (!(socket instanceof net.Socket)) throw invalidType('socket', 'a net.Socket', socket)
  const fd = openSocketOf(socket)
  if (isUnix(socket)) {
    const hint = 'a Unix socket has no RST and no TIME_WAIT'
    throw systemError(errnoOf('EOPNOTSUPP'), verb, { hint })
  }
  if (socket.connecting) {
    throw targetError('ERR_SOCKET_NOT_OPEN', 'The socket is not connected yet')
  }
  return fd
}

/** The socket itself, where what the caller holds only stands for it (the `socket` of an HTTP/2 session). */
function realSocket(socket: net.Socket): net.Socket {
  return ownerOf(handleOf(socket)) ?? socket
}

/**
 * Destroys a socket, and what lies below a TLS one. An error that comes of it is nobody's surprise. The TLS
 * socket first: with the other one gone, Node 20 to 26 crash when they free it.
 */
export function destroyQuietly(socket: net.Socket): void {
  const owner = realSocket(socket)
  for (const each of [owner, streamBelow(owner)]) {
    each?.on('error', () => undefined)
    each?.destroy()
  }
}

export class SecondDescriptor implements Disposable {
  readonly fd: number
  readonly #socket: net.Socket
  #unwritten = 0

  constructor(socket: net.Socket, verb: string) {
    const original = connectionOf(socket, verb)
    if (realSocket(socket) !== socket) {
      const reason = 'belongs to an HTTP/2 session, which has data of its own; close the session'
      throw invalidValue('socket', socket, reason)
    }
    const fd = native.duplicate(original)
    if (fd < 0) throw systemError(fd, 'dup')
    this.fd = fd
    this.#socket = socket
  }

  /** Bytes that Node has not handed to the kernel; when it is destroyed, those that it never will. */
  get unwritten(): number {
    const socket = this.#socket
    if (!socket.destroyed) this.#unwritten = socket.writableLength
    return socket.writableFinished ? 0 : this.#unwritten
  }

  /**
   * What the connection failed with. The kernel tells only once, whoever asks first: Node, unless it does not
   * read (socket.pause()) or has not come to it; then it hears of it from us.
   */
  get failure(): Error | undefined {
    if (this.#socket.errored) return this.#socket.errored
    const errno = tcpState(this.fd) === 'CLOSE' ? getOption(this.fd, 'SO_ERROR') : 0
    if (errno === 0) return undefined
    const error = systemError(-errno, 'read')
    this.#socket.destroy(error)
    return error
  }

  [Symbol.dispose](): void {
    native.close(this.fd)
  }
}

/** Waits until a condition holds or the time is over, looking ever less often; did it hold? */
export async function holdsWithin(
  milliseconds: number,
  condition: () => boolean,
): Promise<boolean> {
  const end = performance.now() + milliseconds
  for (let pause = 1; !condition(); pause = Math.min(pause * 2, 20)) {
    const left = end - performance.now()
    if (left <= 0) return false
    await sleep(Math.min(pause, left))
  }
  return true
}
