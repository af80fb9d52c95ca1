/** The listening socket of another process of this user, by its port. Linux: /proc and pidfd_getfd(2). */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { native } from '../binding.js'
import { systemError } from '../errors.js'
import { platform } from '../platform.js'

export interface LiveListener {
  pid: number
  /** A descriptor of ours, for the same socket. */
  descriptor: number
}

/** The listener, or why there is none to show. */
export function borrowListener(port: number): LiveListener | string {
  if (platform !== 'linux') return 'Only Linux lets one process look at a socket of another.'
  const inode = inodeOfListener(port)
  if (inode === undefined) return `Nothing listens on TCP port ${port}.`
  const owner = ownerOf(inode)
  if (owner === undefined) {
    return `The listener on port ${port} belongs to another user: try it as that user, or as root.`
  }
  const descriptor = native.borrow(owner.pid, owner.fd)
  if (descriptor < 0) return systemError(descriptor, 'pidfd_getfd').message
  return { pid: owner.pid, descriptor }
}

const listenState = '0A'

function inodeOfListener(port: number): string | undefined {
  const hexPort = port.toString(16).toUpperCase().padStart(4, '0')
  for (const file of ['/proc/net/tcp', '/proc/net/tcp6']) {
    for (const row of textOf(file).split('\n').slice(1)) {
      const [, local = '', , state, , , , , , inode] = row.trim().split(/\s+/)
      if (state === listenState && local.endsWith(`:${hexPort}`)) return inode
    }
  }
  return undefined
}

/** The first process that has the socket open, and where. */
function ownerOf(inode: string): { pid: number; fd: number } | undefined {
  for (const pid of entriesOf('/proc').filter((name) => /^\d+$/.test(name))) {
    for (const fd of entriesOf(`/proc/${pid}/fd`)) {
      if (linkOf(`/proc/${pid}/fd/${fd}`) === `socket:[${inode}]`) {
        return { pid: Number(pid), fd: Number(fd) }
      }
    }
  }
  return undefined
}

// Processes come and go while /proc is read, and those of others cannot be: all that is "nothing here".

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

function entriesOf(directory: string): string[] {
  try {
    return readdirSync(directory)
  } catch {
    return []
  }
}

function linkOf(path: string): string | undefined {
  try {
    return readlinkSync(path)
  } catch {
    return undefined
  }
}
