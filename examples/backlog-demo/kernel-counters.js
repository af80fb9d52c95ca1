/** What the kernel counts about listeners, in all of this network namespace. */
import { readFileSync } from 'node:fs'

export const counterNames = ['ListenOverflows', 'ListenDrops', 'SyncookiesSent']

/** The counters by name; undefined where there is no /proc/net/netstat. */
export function readCounters() {
  if (process.platform !== 'linux') return undefined
  // Two lines for each protocol: its names, then its values.
  const [names, values] = readFileSync('/proc/net/netstat', 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('TcpExt:'))
    .map((line) => line.split(' '))
  return Object.fromEntries(counterNames.map((name) => [name, Number(values[names.indexOf(name)])]))
}

export function countedSince(before) {
  const now = readCounters()
  return now && Object.fromEntries(counterNames.map((name) => [name, now[name] - before[name]]))
}
