/** Takes connections from the kernel's queue, one at a time, and says why when it cannot. */
import { applyEntries, type Entry } from '../batch.js'
import { native, peerState } from '../binding.js'
import { descriptorOf } from '../descriptor.js'
import { errnoOf, systemError } from '../errors.js'
import { acceptFrom, type Handle, isUnconnected } from '../node-internals.js'

/** Which waiting connections are dropped before the program sees them. */
export type Stale = 'keep' | 'drop-reset' | 'drop-ended'

/** What a listener has done so far. */
export interface AcceptCounters {
  /** Connections handed out. */
  accepted: number
  /** Connections dropped because their client had gone: see {@link Stale}. */
  droppedStale: number
  /** Times that accept(2) failed with something to report: one per skipped connection, one per shortage. */
  acceptErrors: number
}

/** Nothing waits, descriptors or memory are short, one connection was passed over, or a connection. */
export type Accepted = Handle | 'none' | 'shortage' | 'skipped'

/**
 * accept(2): descriptors or memory are short, and the connection stays in the queue; or the socket does not
 * listen any more (somebody shut it down from outside). Either way the next call ends alike, so it must wait.
 */
const lasting = (
  ['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM', 'EBADF', 'EINVAL', 'ENOTSOCK'] as const
).map(errnoOf)

/** WSAAccept on Windows: the client was there, and reset its connection before it was accepted. */
const reset = errnoOf('ECONNRESET')

export class Acceptor {
  readonly counters: AcceptCounters = { accepted: 0, droppedStale: 0, acceptErrors: 0 }
  readonly #listener: Handle
  readonly #socket: number
  readonly #stale: Stale
  readonly #perConnection: readonly Entry[]
  readonly #report: (error: Error) => void
  #isShort = false

  constructor(
    listener: Handle,
    stale: Stale,
    perConnection: readonly Entry[],
    report: (error: Error) => void,
  ) {
    this.#listener = listener
    this.#socket = descriptorOf(listener) ?? -1
    this.#stale = stale
    this.#perConnection = perConnection
    this.#report = report
  }

  next(): Accepted {
    const fresh = this.#acceptFresh()
    const isError = typeof fresh === 'number'
    if (isError && lasting.includes(fresh)) return this.#shortage(fresh)
    this.#isShort = false
    if (fresh === errnoOf('EAGAIN')) return 'none'
    const accepted = isError ? systemError(fresh, 'accept') : this.#prepare(fresh)
    if (!(accepted instanceof Error)) return accepted
    this.#failed(accepted)
    return 'skipped'
  }

  /** Reported once, however often it is tried again. */
  #shortage(errno: number): 'shortage' {
    const isNew = !this.#isShort
    this.#isShort = true
    if (isNew) this.#failed(systemError(errno, 'accept'))
    return 'shortage'
  }

  #failed(error: Error): void {
    this.counters.acceptErrors++
    this.#report(error)
  }

  /** accept(2), passing over connections whose client has gone. */
  #acceptFresh(): Handle | number {
    for (;;) {
      const fresh = acceptFrom(this.#listener, this.#socket, native)
      if (!this.#isStale(fresh)) return fresh
      if (typeof fresh !== 'number') fresh.close()
      this.counters.droppedStale++
    }
  }

  /** Sets what accepted sockets do not inherit; closed, and an error, if that cannot be. */
  #prepare(handle: Handle): Handle | Error {
    try {
      if (this.#perConnection.length > 0)
        applyEntries(descriptorOf(handle) ?? -1, this.#perConnection)
    } catch (error) {
      handle.close()
      return error as Error
    }
    if (isUnconnected(handle)) {
      handle.close()
      return systemError(errnoOf('ECONNRESET'), 'accept')
    }
    this.counters.accepted++
    return handle
  }

  #isStale(fresh: Handle | number): boolean {
    if (this.#stale === 'keep') return false
    if (typeof fresh === 'number') return fresh === reset
    const state = native.peerState(descriptorOf(fresh) ?? -1)
    if (state < 0 || (state & peerState.reset) !== 0) return true
    if (this.#stale === 'drop-reset') return false
    return (state & peerState.ended) !== 0 && (state & peerState.hasData) === 0
  }
}
