/** A server that is fed with accepted connections instead of accepting them itself. */
import type net from 'node:net'
import { type FedHandle, type Handle, listenFed, ownerOf } from '../node-internals.js'

/** What a served server asks of its listener. */
export interface Source {
  readonly fd: number
  getsockname(out: object): number
  ref(): void
  unref(): void
  hasRef(): boolean
  /** The server was closed: accept no more. */
  stop(): void
  /** A connection has ended, so there is room again. */
  room(): void
}

/**
 * The server is told that it listens, on a handle of ours, as Node does in a cluster worker. From there on
 * it counts, times out and closes as ever: everything that hangs on 'listening' and `_connections`.
 */
export class ServedServer {
  readonly server: net.Server
  readonly #limit: number
  readonly #handle: FedHandle
  readonly #open = new Set<net.Socket>()
  /** One function for all sockets: this is the path of each connection. */
  readonly #onClose: (this: net.Socket) => void
  #isClosed = false

  constructor(server: net.Server, limit: number, source: Source, path: string | undefined) {
    this.server = server
    this.#limit = limit
    const open = this.#open
    this.#onClose = function () {
      open.delete(this)
      source.room()
    }
    this.#handle = {
      fd: source.fd,
      listen: () => 0,
      getsockname: (out) => source.getsockname(out),
      ref: () => source.ref(),
      unref: () => source.unref(),
      hasRef: () => source.hasRef(),
      close(callback) {
        source.stop()
        if (callback) process.nextTick(callback)
      },
    }
    // A Unix server's address is its path, which Node takes from elsewhere when there is no getsockname.
    if (path !== undefined) Reflect.deleteProperty(this.#handle, 'getsockname')
    listenFed(server, this.#handle, path)
    server.once('close', () => (this.#isClosed = true))
  }

  /** Has the server emitted 'close'? It does so before its last sockets do. */
  get isClosed(): boolean {
    return this.#isClosed
  }

  get isFull(): boolean {
    return this.#open.size >= this.#limit
  }

  get openSockets(): ReadonlySet<net.Socket> {
    return this.#open
  }

  feed(handle: Handle): void {
    try {
      this.#handle.onconnection?.(0, handle)
    } finally {
      // It is open, and counts, even if a 'connection' listener threw.
      this.#track(ownerOf(handle))
    }
  }

  #track(socket: net.Socket | undefined): void {
    // Dropped by the server's own maxConnections or blockList, or closed by its listener at once.
    if (socket === undefined || socket.destroyed) return
    this.#open.add(socket)
    socket.on('close', this.#onClose)
  }
}
