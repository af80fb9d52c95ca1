/**
 * From a handle of Node's to the operating system's socket. POSIX has `handle.fd`. On Windows that is -1
 * for ever: there the loop's handles are looked through for the one whose ref state changes with ours
 * (native/find-socket.cc), once per handle. Tried with Node 20, 22, 24 and 26 for Windows under Wine, and against
 * `handle.fd` on Linux.
 * Deno hands out duplicates: one is lent for the current tick.
 */
import { native } from './binding.js'
import type { Handle } from './node-internals.js'
import { platform } from './platform.js'
import { checkRuntime } from './runtime.js'

const known = new WeakMap<Handle, number>()

/** The socket of a handle: a negative number while it has none, undefined where Node only pretends to have a handle. */
export function descriptorOf(handle: Handle | null): number | undefined {
  const fd = handle?.fd
  if (handle === null || (fd !== undefined && (fd >= 0 || platform !== 'win32'))) return fd
  // A TLS handle stands before the one that has the socket.
  const owner = handle._parent ?? handle
  if (fd === undefined) return owner.fdForIpc && lend(owner)
  return socketBehind(owner)
}

/** Gives a handle a socket of ours, which it closes from then on; or a negated error, and it stays ours. */
export function openHandle(handle: Handle, socket: number): number {
  const error = handle.open(socket)
  if (error === 0) remembered(handle, socket)
  return error
}

/** The handle, whose socket need not be looked for. */
export function remembered(handle: Handle, socket: number): Handle {
  if (platform === 'win32') known.set(handle, socket)
  return handle
}

function socketBehind(owner: Handle): number {
  const found = known.get(owner) ?? findSocket(owner)
  // Until it connects, a handle has no socket.
  if (found >= 0) known.set(owner, found)
  return found
}

const lent = new Map<Handle, number>()

/** A duplicate of Deno's, closed before anything else happens: it would keep the connection open. */
function lend(handle: Handle): number {
  const known = lent.get(handle)
  if (known !== undefined) return known
  const fd = handle.fdForIpc?.() ?? -1
  if (fd < 0) return fd
  if (lent.size === 0) process.nextTick(takeBack)
  lent.set(handle, fd)
  return fd
}

function takeBack(): void {
  for (const fd of lent.values()) native.close(fd)
  lent.clear()
}

/** The search itself, which works on every system. */
export function findSocket(handle: Handle): number {
  // Bun has uv_walk(), and dies of it.
  checkRuntime('The socket behind a handle', ['Node'], 'pass its number, or an object with fd')
  if (!('hasRef' in handle)) return -1
  return native.findSocket(() => {
    if (handle.hasRef?.()) handle.unref?.()
    else handle.ref?.()
  })
}
