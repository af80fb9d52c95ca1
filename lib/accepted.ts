/**
 * Options of a listener. Most systems copy most options from a listener to each socket it accepts, which
 * costs nothing; what a system does not copy is set on each accepted socket, before the caller's own
 * 'connection' listener runs.
 */
import net from 'node:net'
import { platform } from './platform.js'
import { applyEntries, type Entry } from './batch.js'

import { socketOf } from './target.js'

/** Does an accepted socket need its own, or must the listener not have it? */
export function isPerConnection({ option }: Entry, unix = false): boolean {
  const { level, sockets, notInherited } = option.row
  if (sockets === 'listener') return false
  // An accepted Unix socket has defaults, but for what concerns credentials (unix(7)).
  if (unix) return level === 'SOL_SOCKET' && sockets !== 'unix'
  return notInherited?.includes(platform) === true
}

const perConnection = new WeakMap<net.Server, Map<string, Entry>>()

/** Sets options on every socket that the server accepts from now on. */
export function setOnAccepted(server: net.Server, entries: readonly Entry[]): void {
  if (entries.length === 0) return
  let kept = perConnection.get(server)
  if (kept === undefined) {
    kept = new Map()
    perConnection.set(server, kept)
    server.prependListener('connection', (socket: net.Socket) => applyTo(socket, server))
  }
  for (const entry of entries) kept.set(entry.option.name, entry)
}

function applyTo(socket: net.Socket, server: net.Server): void {
  try {
    applyEntries(socketOf(socket), [...(perConnection.get(server)?.values() ?? [])])
  } catch (error) {
    socket.destroy(error as Error)
  }
}

/** The value that accepted sockets get of an option, if it is set on each of them. */
export function valueOnAccepted(target: unknown, name: string): unknown {
  return target instanceof net.Server ? perConnection.get(target)?.get(name)?.checked : undefined
}
