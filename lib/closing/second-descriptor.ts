/**
 * A second descriptor of a socket that is being closed. Node may close its own at any step: on an error,
 * on the peer's end, because the program says so. Ours stays, so nothing here ever touches a descriptor
 * number that has become somebody else's.
 */
import net from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { native } from '../binding.js'
import { errnoOf, invalidType, systemError } from '../errors.js'
import { isUnix, ownerOf, handleOf, streamBelow } from '../node-internals.js'
import { openSocketOf } from '../target.js'

/** Throws unless this is an open TCP connection; its descriptor. */
export function connectionOf(socket: net.Socket, verb: string): number {
  if (!(socket instanceof net.Socket)) throw invalidType('socket', 'a net.Socket', socket)
  const fd = openSocketOf(socket)
  if (isUnix(socket)) {
    const hint = 'a Unix socket has no RST and no TIME_WAIT'
    throw systemError(errnoOf('EOPNOTSUPP'), verb, { hint })
  }
  return fd
}

/** Destroys a socket, and what lies below a TLS one. An error that comes of it is nobody's surprise. */
export function destroyQuietly(socket: net.Socket): void {
  const owner = ownerOf(handleOf(socket)) ?? socket
  for (const each of [streamBelow(owner), owner]) {
    each?.on('error', () => undefined)
    each?.destroy()
  }
}

export class SecondDescriptor implements Disposable {
  readonly fd: number

  constructor(socket: net.Socket, verb: string) {
    const fd = native.duplicate(connectionOf(socket, verb))
    if (fd < 0) throw systemError(fd, 'dup')
    this.fd = fd
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
