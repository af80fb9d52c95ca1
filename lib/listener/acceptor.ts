/** Takes connections from the kernel's queue, one at a time, and says why when it cannot. */
import { applyEntries, type Entry } from '../batch.js'
import { native, peerState } from '../binding.js'
import { errnoOf, systemError } from '../errors.js'
import { adoptAccepted, type Handle } from '../node-internals.js'

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

/** Nothing waits, descriptors or memory are short, or a connection. */
export type Accepted = Handle | 'none' | 'shortage'

/** accept(2): these say that descriptors or memory are short. The connection stays in the queue. */
const shortages = (['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM'] as const).map(errnoOf)

export class Acceptor {
  readonly counters: AcceptCounters = { accepted: 0, droppedStale: 0, acceptErrors: 0 }
  readonly #listener: Handle
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
    this.#stale = stale
    this.#perConnection = perConnection
    this.#report = report
  }

  next(): Accepted {
    for (;;) {
      const fd = this.#acceptFresh()
      if (fd === errnoOf('EAGAIN')) return 'none'
      if (fd < 0 && shortages.includes(fd)) return this.#shortage(fd)
      this.#isShort = false
      const accepted = fd < 0 ? systemError(fd, 'accept') : this.#take(fd)
      if (!(accepted instanceof Error)) return accepted
      this.#failed(accepted)
    }
  }

  /** Reported once, however often it is tried again. */
  #shortage(errno: number): 'shortage' {
    if (!this.#isShort) this.#failed(systemError(errno, 'accept'))
    this.#isShort = true
    return 'shortage'
  }

  #failed(error: Error): void {
    this.counters.acceptErrors++
    this.#report(error)
  }

  /** accept(2), passing over connections whose client has gone. */
  #acceptFresh(): number {
    for (;;) {
      const fd = native.accept(this.#listener.fd ?? -1)
      if (fd < 0 || !this.#isStale(fd)) return fd
      native.close(fd)
      this.counters.droppedStale++
    }
  }

  /** Hands a descriptor to Node; closed, and an error, if that cannot be. */
  #take(fd: number): Handle | Error {
    try {
      if (this.#perConnection.length > 0) applyEntries(fd, this.#perConnection)
    } catch (error) {
      native.close(fd)
      return error as Error
    }
    const handle = adoptAccepted(this.#listener, fd)
    if (typeof handle === 'number') {
      native.close(fd)
      return systemError(handle, 'accept')
    }
    this.counters.accepted++
    return handle
  }

  #isStale(fd: number): boolean {
    if (this.#stale === 'keep') return false
    const state = native.peerState(fd)
    if (state < 0 || (state & peerState.reset) !== 0) return true
    if (this.#stale === 'drop-reset') return false
    return (state & peerState.ended) !== 0 && (state & peerState.hasData) === 0
  }
}
