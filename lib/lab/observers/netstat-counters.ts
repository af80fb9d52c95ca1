/** The kernel's TcpExt counters from /proc/net/netstat, as nstat(8) shows them; those of our network namespace. */
import { readFileSync } from 'node:fs'

/** Names without their prefix: `ListenOverflows`, `TCPAbortOnData`, `SyncookiesSent` ... */
export type Counters = Record<string, number>

export function tcpCounters(): Counters {
  const lines = readFileSync('/proc/net/netstat', 'utf8').split('\n')
  const [names = '', values = ''] = lines.filter((line) => line.startsWith('TcpExt: '))
  const numbers = values.split(' ').map(Number)
  const entries = names.split(' ').map((name, i) => [name, numbers[i] ?? 0] as const)
  return Object.fromEntries(entries.slice(1))
}

/** Notes the counters now; the function it returns tells by how much those named have moved since. */
export function countersSince<Name extends string>(
  ...names: readonly Name[]
): () => Record<Name, number> {
  const before = read(names)
  return () => {
    const now = read(names)
    const moved = names.map((name) => [name, now[name] - before[name]] as const)
    return Object.fromEntries(moved) as Record<Name, number>
  }
}

function read<Name extends string>(names: readonly Name[]): Record<Name, number> {
  const counters = tcpCounters()
  const values = names.map((name) => {
    const value = counters[name]
    if (value === undefined) throw new Error(`this kernel has no counter TcpExt${name}`)
    return [name, value] as const
  })
  return Object.fromEntries(values) as Record<Name, number>
}
