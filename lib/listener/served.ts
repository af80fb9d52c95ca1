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
  readonly #source: Source
  readonly #handle: FedHandle
  readonly #open = new Set<net.Socket>()

  constructor(server: net.Server, limit: number, source: Source, path: string | undefined) {
    this.server = server
    this.#limit = limit
    this.#source = source
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
  }

  get isFull(): boolean {
    return this.#open.size >= this.#limit
  }

  get openSockets(): ReadonlySet<net.Socket> {
    return this.#open
  }

  feed(handle: Handle): void {
    this.#handle.onconnection?.(0, handle)
    const socket = ownerOf(handle)
    // Dropped by the server's own maxConnections or blockList, or closed by its listener at once.
    if (socket === undefined || socket.destroyed) return
    this.#open.add(socket)
    socket.once('close', () => {
      this.#open.delete(socket)
      this.#source.room()
    })
  }
}
