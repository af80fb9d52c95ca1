/**
 * Keep-alive on a Windows before 10 1709, which lacks TCP_KEEPIDLE and TCP_KEEPINTVL: SIO_KEEPALIVE_VALS sets
 * both times with the switch, all at once, and nothing reads them. So what was set last is remembered.
 */
import net from 'node:net'
import { type Entry, entriesOf } from './batch.js'
import { errnoOf, systemError } from './errors.js'
import { ioctlTable } from './ioctls.js'
import type { OptionValues } from './option-types.js'
import { streamBelow } from './node-internals.js'
import { platform } from './platform.js'
import { optionOfRequest } from './request.js'
import { isSupported } from './support.js'

/** Milliseconds. */
export interface KeepAliveTimes {
  idle: number
  interval: number
}

/** What Windows documents for SO_KEEPALIVE: two hours, then every second, ten times. */
export const systemTimes: KeepAliveTimes = { idle: 7_200_000, interval: 1000 }
export const systemCount = 10

/** Must the times be set so here? */
export function lacksTimes(): boolean {
  return platform === 'win32' && !isSupported('TCP_KEEPIDLE')
}

// Accepted sockets have been seen to inherit it from a listener that had it set once it listened.
const request = optionOfRequest('SIO_KEEPALIVE_VALS', ioctlTable.SIO_KEEPALIVE_VALS, {
  afterListen: ['win32'],
})

/** The same setting as these options, with the times that it leaves out taken from the last ones. */
export function entriesWithTimes(
  options: OptionValues,
  last: KeepAliveTimes,
  hasCount = isSupported('TCP_KEEPCNT'),
): Entry[] {
  const { TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT } = options
  if (TCP_KEEPCNT !== undefined && !hasCount) {
    const hint = `Windows before 10 1703 always sends ${systemCount} probes; leave the count out`
    throw systemError(errnoOf('ENOPROTOOPT'), 'setsockopt', { option: 'TCP_KEEPCNT', hint })
  }
  const values = {
    onoff: 1,
    keepalivetime: TCP_KEEPIDLE === undefined ? last.idle : TCP_KEEPIDLE * 1000,
    keepaliveinterval: TCP_KEEPINTVL === undefined ? last.interval : TCP_KEEPINTVL * 1000,
  }
  return [
    ...(TCP_KEEPCNT === undefined ? [] : entriesOf({ TCP_KEEPCNT })),
    { option: request, checked: request.layout.check(values, 'keepAlive') },
  ]
}

const remembered = new WeakMap<object, KeepAliveTimes>()

function isObject(target: unknown): target is object {
  return typeof target === 'object' && target !== null
}

/** The times that were set last on a target, as far as we know. */
export function timesOf(target: unknown): KeepAliveTimes {
  if (!isObject(target)) return systemTimes
  const own = remembered.get(target)
  if (own !== undefined) return own
  // A TLS socket has those of the connection below it.
  const below = target instanceof net.Socket ? streamBelow(target) : undefined
  return below === undefined ? systemTimes : timesOf(below)
}

/** Remembers the times that are among these entries. What a server accepts inherits them. */
export function rememberTimes(target: unknown, entries: readonly Entry[]): void {
  const entry = entries.find(({ option }) => option === request)
  if (!isObject(target) || entry === undefined) return
  if (target instanceof net.Server && !remembered.has(target)) {
    target.prependListener('connection', (socket: net.Socket) => {
      remembered.set(socket, timesOf(target))
    })
  }
  const [, idle = 0, interval = 0] = entry.checked as number[]
  remembered.set(target, { idle, interval })
}
