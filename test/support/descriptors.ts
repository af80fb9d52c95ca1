import { readdirSync, readlinkSync } from 'node:fs'
import { isLinux } from './system.js'

/** The sockets that this process has open, by descriptor: `{ 21: 'socket:[4711]' }`. Other systems do not tell: none. */
export function openSockets(): Map<number, string> {
  const sockets = new Map<number, string>()
  if (!isLinux) return sockets
  for (const name of readdirSync('/proc/self/fd')) {
    const target = linkOf(name)
    if (target?.startsWith('socket:')) sockets.set(Number(name), target)
  }
  return sockets
}

function linkOf(name: string): string | undefined {
  try {
    return readlinkSync(`/proc/self/fd/${name}`)
  } catch {
    // The directory's own descriptor, closed meanwhile.
    return undefined
  }
}

/** The sockets that were opened since `before`, and are still. */
export function openedSince(before: Map<number, string>): string[] {
  const known = new Set(before.values())
  return [...openSockets().values()].filter((socket) => !known.has(socket))
}
