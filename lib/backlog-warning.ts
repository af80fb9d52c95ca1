import { platform } from './platform.js'
import { getAcceptQueue } from './queue.js'
import type { SocketTarget } from './target.js'

/** What cuts a backlog; Windows does not tell. */
const limits = { linux: 'net.core.somaxconn', darwin: 'kern.ipc.somaxconn', win32: undefined }

let warned = false

/** Tells, once per process, that the system keeps less than was asked for: listen(2) does so silently. */
export function warnIfCut(listener: SocketTarget, backlog: number): void {
  const sysctl = limits[platform]
  if (warned || sysctl === undefined) return
  const { limit } = getAcceptQueue(listener)
  if (limit >= backlog) return
  warned = true
  const message = `The backlog ${backlog} was cut to ${limit} by ${sysctl}; raise it with "sysctl -w ${sysctl}=${backlog}"`
  process.emitWarning(message, { type: 'SocketOptionWarning', code: 'SOCKOPT_BACKLOG_CUT' })
}
