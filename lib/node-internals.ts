/**
 * With descriptor.ts the only reach into Node's internals, where there is no public way: from a socket to its
 * handle, and from a descriptor of ours to a server. Tried on Node 20.20, 22.23, 24.21 and 26.10 on Linux, and on
 * those for Windows under Wine.
 */
import type dgram from 'node:dgram'
import net from 'node:net'
import { openHandle, remembered } from './descriptor.js'
import { platform } from './platform.js'

/** libuv's wrapper of a socket, as far as we use it. */
export interface Handle {
  /** -1 or another negative number while there is none; absent where Node only pretends to have a handle. */
  readonly fd?: number
  open(fd: number): number
  listen(backlog: number): number
  close(callback?: () => void): void
  getsockname?(out: object): number
  getpeername?(out: object): number
  ref?(): void
  unref?(): void
  hasRef?(): boolean
  /** Deno, instead of `fd`: another duplicate at each call, or -1. */
  fdForIpc?(): number
  /** Windows: false leaves one AcceptEx posted ahead instead of 32. */
  setSimultaneousAccepts?(many: boolean): number
  /** The handle below a TLS handle. */
  readonly _parent?: Handle
  fchmod?(mode: number): number
}

interface WithHandle {
  readonly _handle: Handle | null
}

/** The handle of a socket or server; null before it has one and after it was closed. */
export function handleOf(target: net.Socket | net.Server): Handle | null {
  return (target as unknown as WithHandle)._handle
}

/**
 * The socket or stream below a TLS socket; undefined if it has its own connection. A stream that is no
 * socket shows as Node's JSStreamSocket, which is a net.Socket without a descriptor.
 */
export function streamBelow(socket: net.Socket): net.Socket | undefined {
  const handle: (Handle & { _parentWrap?: net.Socket | null }) | null = handleOf(socket)
  return handle?._parentWrap ?? undefined
}

/** Is this a Unix socket (or a pipe on Windows)? */
export function isUnix(socket: net.Socket): boolean {
  const handle = handleOf(streamBelow(socket) ?? socket)
  return handle !== null && isPipe(handle)
}

export function isPipe(handle: Handle): boolean {
  return handle.constructor.name === 'Pipe'
}

/** Is this Node's stand-in for a stream that is no socket? */
export function isStreamWrapper(socket: net.Socket): boolean {
  return socket.constructor.name === 'JSStreamSocket'
}

function symbolOf(target: object, description: string): symbol | undefined {
  for (
    let at: object | null = target;
    at !== null;
    at = Object.getPrototypeOf(at) as object | null
  ) {
    const found = Object.getOwnPropertySymbols(at).find(
      (symbol) => symbol.description === description,
    )
    if (found !== undefined) return found
  }
  return undefined
}

/** The net.Socket that a handle belongs to, which what the caller holds may only stand for. */
export function ownerOf(handle: Handle | null): net.Socket | undefined {
  if (handle === null) return undefined
  ownerSymbol ??= symbolOf(handle, 'owner_symbol')
  const owner = ownerSymbol && (handle as unknown as Record<symbol, unknown>)[ownerSymbol]
  return owner instanceof net.Socket ? owner : undefined
}

let ownerSymbol: symbol | undefined

let datagramState: symbol | undefined

/**
 * A dgram socket's handle; null once it is closed. `socket._handle` would warn (DEP0112), and is gone in Node 26.
 * The second name is Deno's.
 */
export function datagramHandleOf(socket: dgram.Socket): Handle | null {
  datagramState ??= symbolOf(socket, 'state symbol') ?? symbolOf(socket, 'kStateSymbol')
  const state = datagramState && (socket as unknown as Record<symbol, unknown>)[datagramState]
  return (state as { handle: Handle | null } | undefined)?.handle ?? null
}

/** Has this server, which has no handle now, ever had one? */
export function wasListening(server: net.Server): boolean {
  const symbol = symbolOf(server, 'async_id_symbol')
  return symbol !== undefined && Number((server as unknown as Record<symbol, unknown>)[symbol]) > 0
}

type HandleClass = new (type: number) => Handle

/** TCPConstants.SERVER and .SOCKET, the same in every version. */
export const handleType = { socket: 0, server: 1 } as const

let tcpClass: HandleClass | undefined

/**
 * Node's TCP class. A socket whose lookup never answers has a handle at once, and no OS socket; other
 * routes to the class warn (process.binding) or bind a port for a moment (net._createServerHandle).
 */
function tcp(): HandleClass {
  if (tcpClass === undefined) {
    const probe = new net.Socket()
    probe.connect({ host: 'a.invalid', port: 1, lookup: () => undefined })
    tcpClass = handleOf(probe)?.constructor as HandleClass
    probe.destroy()
  }
  return tcpClass
}

/** What {@link acceptFrom} calls: functions of the addon, not of JavaScript. */
interface Accepting {
  readonly accept: (listener: number) => number
  readonly close: (socket: number) => number
}

/**
 * The next connection, in a handle of the listener's kind (TCP, or the Pipe that Node has for Unix), which
 * closes it; or a negated error. V8 ends a terminated worker where a function of JavaScript begins or a loop
 * turns: there is none between accept() and open(), or the descriptor would be nobody's.
 */
export function acceptFrom(
  listener: Handle,
  socket: number,
  { accept, close }: Accepting,
): Handle | number {
  const fd = accept(socket)
  if (fd < 0) return fd
  const handle = new (listener.constructor as HandleClass)(handleType.socket)
  const error = handle.open(fd)
  if (error === 0) return remembered(handle, fd)
  handle.close()
  close(fd)
  return error
}

/**
 * Has libuv for Windows found the socket without a peer, because the client has reset it? Then the handle counts as
 * one that never connected: Node destroys its socket before the server knows it, and the server counts it for ever.
 */
export function isUnconnected(handle: Handle): boolean {
  return platform === 'win32' && (handle.getpeername?.({}) ?? 0) < 0
}

/** A TCP handle around a socket of ours. From here on the handle closes it. */
export function adoptTcp(fd: number, type: number): Handle | number {
  const handle = new (tcp())(type)
  const error = openHandle(handle, fd)
  if (error === 0) return handle
  handle.close()
  return error
}

interface ServerInternals {
  _handle: Handle | null
  _pipeName?: string
  _listen2(address: string | null, port: number, addressType: number, backlog: number): void
}

/**
 * Lets a server listen with a TCP handle. Node passes `backlog || 511` to the handle, so 0 must get past
 * it: the handle's own method is told the number. `exclusive` is implied, also in a cluster worker.
 *
 * libuv for Windows takes no number below 1 (an assertion in uv__tcp_listen); the socket listens already, and
 * Windows goes on with the first number.
 */
export function listenWithTcpHandle(server: net.Server, handle: Handle, backlog: number): void {
  listenExactly(handle, backlog)
  server.listen(handle)
}

/** A bound Unix socket's handle, or a negated error. libuv removes the path when it closes. */
export function bindUnix(path: string): Handle | number {
  const internals = net as unknown as {
    _createServerHandle(address: string, port: -1, addressType: -1): Handle | number
  }
  return internals._createServerHandle(path, -1, -1)
}

/** The same for a Unix socket, where `server.listen(handle)` would open the descriptor a second time. */
export function listenWithUnixHandle(
  server: net.Server,
  handle: Handle,
  path: string,
  backlog: number,
): void {
  const internals = server as unknown as ServerInternals
  listenExactly(handle, backlog)
  internals._handle = handle
  internals._pipeName = path
  internals._listen2(path, -1, -1, backlog)
}

/** What a server calls its handle for when it does not accept itself: so does a cluster worker's (cluster/child.js, rr()). */
export interface FedHandle {
  readonly fd: number
  listen(): number
  getsockname(out: object): number
  ref(): void
  unref(): void
  hasRef(): boolean
  close(callback?: () => void): void
  /** Node sets it when the server listens: takes a new connection. */
  onconnection?(error: number, handle: Handle): void
}

/** Makes a server listen on a handle that others feed, as in a cluster worker; 'listening' follows. */
export function listenFed(server: net.Server, handle: FedHandle, path: string | undefined): void {
  const internals = server as unknown as ServerInternals
  internals._handle = handle as unknown as Handle
  if (path !== undefined) internals._pipeName = path
  internals._listen2(path ?? null, -1, -1, 0)
}

function listenExactly(handle: Handle, backlog: number): void {
  const listen = handle.listen.bind(handle)
  const accepted = platform === 'win32' ? Math.max(1, backlog) : backlog
  handle.listen = () => listen(accepted)
}
