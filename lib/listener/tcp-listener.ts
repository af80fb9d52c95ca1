import { EventEmitter, addAbortListener, once } from 'node:events'
import net from 'node:net'
import { checkDelay, checkInteger, checkObject, maxDelay } from '../arguments.js'
import { openListener } from '../bound-socket.js'
import { warnIfCut } from '../backlog-warning.js'
import { native, type Watcher } from '../binding.js'
import { descriptorOf } from '../descriptor.js'
import {
  abortError,
  checkNotAborted,
  type ErrorName,
  errnoOf,
  invalidType,
  invalidValue,
  listenError,
  systemError,
  targetError,
  withCode,
} from '../errors.js'
import { rememberTimes } from '../keep-alive-values.js'
import { type ListenOptions, type ListenPlan, planListening } from '../listen-options.js'
import type { Handle } from '../node-internals.js'
import { type AcceptQueue, getAcceptQueue, setBacklog } from '../queue.js'
import { checkRuntime } from '../runtime.js'
import { type AcceptCounters, Acceptor, type Stale } from './acceptor.js'
import { ServedServer } from './served.js'

/** Where to listen, and what to do with connections whose client has gone. */
export interface TcpListenerOptions extends ListenOptions {
  /**
   * Which waiting connections are dropped before the program sees them: none (`'keep'`, as the kernel does),
   * those whose client has reset (`'drop-reset'`), or also those whose client has finished and left nothing to
   * read (`'drop-ended'`). Windows may keep one whose client has reset to itself: that is an `'acceptError'`.
   */
  stale?: Stale
}

export interface AcceptOptions {
  /** Gives up waiting; a connection stays in the queue for the next accept(). */
  signal?: AbortSignal
}

export interface ServeOptions {
  /** Connections open at a time; the rest wait in the kernel's queue. Left out: no limit. */
  maxConnections?: number
}

export interface CloseOptions {
  /** Milliseconds that the connections of a served server have to end; those that are left are then destroyed. */
  timeout?: number
}

interface Waiter {
  resolve(socket: net.Socket): void
  reject(error: Error): void
}

/** Connections taken per wake-up before the rest of the event loop has its turn (docs/benchmarks.md). */
const perTurn = 64

/** How soon accepting is tried again while descriptors are short and none of ours is given back. */
const shortageRetry = 100

/**
 * A listener that accepts only when asked: the kernel's queue is the waiting room, its length can be read,
 * and a full one pushes back on clients as the system documents. See {@link TcpListener.listen}.
 *
 * - **As a target:** `setOption(listener, ...)` and the other functions take it like a server.
 * - **Events:** `'acceptError'` with the error when accept(2) fails: for want of descriptors (`EMFILE`,
 *   `ENFILE`, once per shortage; nothing is lost, and accepting goes on when there are some again), or for one
 *   connection that is skipped. Without a listener for it, it becomes a process warning. `'close'`.
 * - **Alive:** like a server it keeps the process alive until it is closed or `unref()`ed.
 *
 * @example
 * import { TcpListener } from 'net-sockopt'
 *
 * const listener = await TcpListener.listen({ port: 0, backlog: 100 })
 * console.log(listener.address(), listener.queue) // ... { length: 0, limit: 100 }
 * await listener.close()
 */
export class TcpListener extends EventEmitter<{ acceptError: [Error]; close: [] }> {
  readonly #handle: Handle
  readonly #path: string | undefined
  readonly #watcher: Watcher
  readonly #acceptor: Acceptor
  readonly #hold: NodeJS.Timeout
  readonly #waiting = new Set<Waiter>()
  #served: ServedServer | undefined
  #retry: NodeJS.Timeout | undefined
  #watching = false
  /** Connections that may still be taken before the rest of the event loop has its turn. */
  #left = perTurn
  #paused = false
  #closed = false

  /** @internal Use {@link TcpListener.listen}. */
  constructor(handle: Handle, plan: ListenPlan, stale: Stale) {
    super()
    this.#handle = handle
    this.#path = 'path' in plan.where ? plan.where.path : undefined
    this.#acceptor = new Acceptor(handle, stale, plan.perConnection, (error) => this.#report(error))
    this.#watcher = watch(this.fd, plan, () => this.#onReadable())
    // The watcher never keeps the process alive, since it often rests; this timer does, and never fires.
    this.#hold = setInterval(() => this.#rest(), maxDelay)
  }

  /**
   * Binds and listens, and accepts nothing.
   *
   * - **Options:** those of {@link listenWithBacklog}, and `stale`. Options that accepted sockets do not
   *   inherit are set on each when it is accepted.
   * - **Errors:** as for {@link listenWithBacklog}.
   * - **Source:** `listen(2)`, `accept(2)`.
   */
  static async listen(options: TcpListenerOptions): Promise<TcpListener> {
    checkObject('options', options)
    checkRuntime('A TcpListener', ['Node'], "use server.listen() and the server's maxConnections")
    const { stale = 'keep', ...listenOptions } = options
    if (!['keep', 'drop-reset', 'drop-ended'].includes(stale)) {
      throw invalidValue('options.stale', stale, "must be 'keep', 'drop-reset' or 'drop-ended'")
    }
    const plan = planListening(listenOptions)
    checkNotAborted(plan.signal)
    const handle = await openListener(plan)
    try {
      checkNotAborted(plan.signal)
      const listener = new TcpListener(handle, plan, stale)
      rememberTimes(listener, plan.afterListen)
      closeOnAbort(listener, plan.signal)
      warnIfCut(listener, plan.backlog)
      return listener
    } catch (error) {
      handle.close()
      throw error
    }
  }

  /** The descriptor; `ERR_SOCKET_CLOSED` once the listener is closed. */
  get fd(): number {
    if (this.#closed) throw closedError()
    return descriptorOf(this.#handle) ?? -1
  }

  /** The connections that wait, and the limit: {@link getAcceptQueue}. */
  get queue(): AcceptQueue {
    return getAcceptQueue(this)
  }

  get accepted(): number {
    return this.#acceptor.counters.accepted
  }

  get droppedStale(): number {
    return this.#acceptor.counters.droppedStale
  }

  get acceptErrors(): number {
    return this.#acceptor.counters.acceptErrors
  }

  /** All three counters at once. */
  get counters(): AcceptCounters {
    return { ...this.#acceptor.counters }
  }

  get paused(): boolean {
    return this.#paused
  }

  get closed(): boolean {
    return this.#closed
  }

  /** As `server.address()`: the path of a Unix socket; `null` once closed. */
  address(): net.AddressInfo | string | null {
    if (this.#closed) return null
    if (this.#path !== undefined) return this.#path
    const out = {}
    const error = this.#handle.getsockname?.(out) ?? 0
    if (error < 0) throw systemError(error, 'getsockname')
    return out as net.AddressInfo
  }

  /** Changes the backlog while it listens: {@link setBacklog}. */
  setBacklog(backlog: number): void {
    setBacklog(this, backlog)
  }

  /**
   * The next connection, as a `net.Socket`. Several calls may wait at once; they are answered in order.
   *
   * - **Errors:** `AbortError`; `ERR_SOCKET_CLOSED` when the listener is or gets closed;
   *   `ERR_INVALID_STATE` while it serves a server.
   */
  async accept(options: AcceptOptions = {}): Promise<net.Socket> {
    checkObject('options', options)
    const { signal } = options
    if (signal !== undefined && !(signal instanceof AbortSignal)) {
      throw invalidType('options.signal', 'an AbortSignal', signal)
    }
    if (this.#closed) throw closedError()
    if (this.#served) throw withCode(new Error('The listener serves a server'), 'ERR_INVALID_STATE')
    checkNotAborted(signal)
    return new Promise<net.Socket>((resolve, reject) => {
      const waiter = signal ? this.#abortable({ resolve, reject }, signal) : { resolve, reject }
      this.#waiting.add(waiter)
      this.#accept()
    })
  }

  /** Takes the next connection when the loop's body is done with the last; ends when the listener is closed. */
  async *[Symbol.asyncIterator](): AsyncGenerator<net.Socket, void, undefined> {
    while (!this.#closed) {
      try {
        yield await this.accept()
      } catch (error) {
        if ((error as { code?: string }).code === 'ERR_SOCKET_CLOSED') return
        throw error
      }
    }
  }

  /**
   * Feeds a server: `net`, `tls`, `http`, `https`, `http2`, or one that a framework made of them. The server
   * is as after `server.listen()`: `'listening'`, time-outs, `address()`, `close()`, which closes the listener too.
   *
   * At `maxConnections` accepting stops, and the rest wait in the kernel's queue (the server's own
   * `maxConnections` *drops* them); it goes on as connections close.
   *
   * - **Errors:** `ERR_SERVER_ALREADY_LISTEN`; `ERR_SOCKET_CLOSED`; `ERR_INVALID_STATE` if the listener
   *   serves already or an `accept()` waits.
   */
  serve<Server extends net.Server>(server: Server, options: ServeOptions = {}): Server {
    if (!(server instanceof net.Server)) throw invalidType('server', 'a net.Server', server)
    checkObject('options', options)
    const { maxConnections = Infinity } = options
    if (maxConnections !== Infinity) {
      const most = Number.MAX_SAFE_INTEGER
      checkInteger('options.maxConnections', maxConnections, 'connections', 1, most)
    }
    if (this.#closed) throw closedError()
    if (this.#served || this.#waiting.size > 0) {
      throw withCode(new Error('The listener is in use already'), 'ERR_INVALID_STATE')
    }
    if (server.listening) {
      const error = new Error('Listen method has been called more than once without closing')
      throw withCode(error, 'ERR_SERVER_ALREADY_LISTEN')
    }
    const source = {
      fd: this.fd,
      getsockname: (out: object) => this.#handle.getsockname?.(out) ?? 0,
      ref: () => void this.ref(),
      unref: () => void this.unref(),
      hasRef: () => this.#hold.hasRef(),
      stop: () => this.#stop(),
      // Only after a limit or a shortage; otherwise the watcher tells.
      room: () => {
        if (!this.#watching) this.#accept()
      },
    }
    this.#served = new ServedServer(server, maxConnections, source, this.#path)
    // After 'listening', so that a server that prepares itself there is ready for its first connection.
    server.once('listening', () => this.#accept())
    return server
  }

  /** Leaves everything that comes in the kernel's queue; calls of accept() go on waiting. */
  pause(): this {
    this.#paused = true
    this.#rest()
    return this
  }

  /** Goes on accepting. */
  resume(): this {
    this.#paused = false
    this.#accept()
    return this
  }

  /** Keeps the process alive; that is the default. */
  ref(): this {
    this.#hold.ref()
    return this
  }

  /** Lets the process end although the listener is open. */
  unref(): this {
    this.#hold.unref()
    return this
  }

  /**
   * Stops listening. Calls of accept() that wait are rejected with `ERR_SOCKET_CLOSED`; clients that are
   * still queued are reset by the kernel; connections handed out live on. If it serves a server, that is closed
   * too, and the promise waits until its connections have ended, at most `timeout` milliseconds.
   */
  async close(options: CloseOptions = {}): Promise<void> {
    checkObject('options', options)
    const { timeout } = options
    if (timeout !== undefined) checkDelay('options.timeout', timeout)
    const served = this.#served
    this.#stop()
    if (served === undefined) return
    await closeServer(served, timeout)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #abortable(inner: Waiter, signal: AbortSignal): Waiter {
    const listener = addAbortListener(signal, () => {
      this.#waiting.delete(waiter)
      inner.reject(abortError(signal))
    })
    const waiter: Waiter = {
      resolve: (socket) => {
        listener[Symbol.dispose]()
        inner.resolve(socket)
      },
      reject: (error) => {
        listener[Symbol.dispose]()
        inner.reject(error)
      },
    }
    return waiter
  }

  /** Is there anybody to take a connection? */
  #isWanted(): boolean {
    if (this.#closed || this.#paused) return false
    return this.#served
      ? this.#served.server.listening && !this.#served.isFull
      : this.#waiting.size > 0
  }

  /** Accepts what is wanted and waits, and watches for more only if more is wanted. */
  #accept(): void {
    clearTimeout(this.#retry)
    let isShort = false
    try {
      // Across calls of accept(), which could otherwise keep the event loop from ever turning.
      for (; this.#left > 0 && this.#isWanted(); this.#left--) {
        const accepted = this.#acceptor.next()
        isShort = accepted === 'shortage'
        if (isShort || accepted === 'none') break
        if (typeof accepted !== 'string') this.#handOut(accepted)
      }
    } finally {
      // Also when a 'connection' listener throws: what becomes of that is the program's to say.
      if (this.#isWanted()) {
        if (isShort) this.#waitForDescriptors()
        else this.#watch()
      }
    }
  }

  /** It goes on watching when nobody waits any more, since often somebody does soon; in vain only once. */
  #onReadable(): void {
    this.#left = perTurn
    if (this.#isWanted()) this.#accept()
    else this.#rest()
  }

  #handOut(handle: Handle): void {
    if (this.#served) {
      this.#served.feed(handle)
      return
    }
    const [waiter] = this.#waiting
    if (waiter === undefined) throw new Error('nobody waits')
    this.#waiting.delete(waiter)
    const options = { handle, readable: true, writable: true } as net.SocketConstructorOpts
    waiter.resolve(new net.Socket(options))
  }

  /** The queue stays readable, so watching it would spin: try again later, or when a connection ends. */
  #waitForDescriptors(): void {
    this.#rest()
    this.#retry = setTimeout(() => this.#accept(), shortageRetry).unref()
  }

  #watch(): void {
    if (this.#watching) return
    this.#watching = true
    this.#watcher.start()
  }

  #rest(): void {
    clearTimeout(this.#retry)
    if (!this.#watching) return
    this.#watching = false
    this.#watcher.stop()
  }

  #report(error: Error): void {
    if (!this.emit('acceptError', error)) process.emitWarning(error)
  }

  #stop(): void {
    if (this.#closed) return
    this.#rest()
    this.#closed = true
    clearInterval(this.#hold)
    this.#watcher.close()
    this.#handle.close()
    for (const waiter of this.#waiting) waiter.reject(closedError())
    this.#waiting.clear()
    process.nextTick(() => this.emit('close'))
  }
}

/** What cannot be watched does not listen: the second descriptor, or epoll's room for it, may be short. */
function watch(socket: number, { where }: ListenPlan, onReadable: () => void): Watcher {
  const failed = (errno: number): Error =>
    'path' in where
      ? listenError(errno, where.path)
      : listenError(errno, where.host ?? '::', where.port)
  const own = native.duplicate(socket)
  if (own < 0) throw failed(own)
  try {
    return new native.Watcher(own, onReadable)
  } catch (error) {
    native.close(own)
    throw failed(errnoOf((error as { code: ErrorName }).code))
  }
}

function closedError(): Error {
  return targetError('ERR_SOCKET_CLOSED', 'The listener is closed')
}

function closeOnAbort(listener: TcpListener, signal: AbortSignal | undefined): void {
  if (signal === undefined) return
  const abort = addAbortListener(signal, () => void listener.close())
  listener.once('close', () => abort[Symbol.dispose]())
}

async function closeServer(served: ServedServer, timeout: number | undefined): Promise<void> {
  const { server } = served
  // Closed by itself already, to the last connection.
  if (served.isClosed) return
  const closed = once(server, 'close')
  if (server.listening) server.close()
  const deadline =
    timeout === undefined
      ? undefined
      : setTimeout(() => {
          for (const socket of served.openSockets) socket.destroy()
        }, timeout)
  await closed
  clearTimeout(deadline)
}
