import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import os from 'node:os'
import { relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { platform } from '../platform.js'
import { parse, printTable, style } from './output.js'
import { settings, type Setting } from './settings.js'

const help = `Usage: net-sockopt doctor [--json]

Is the binary loaded, and from where; the kernel's settings that decide how a busy server fares, which of them
hurt and how to change them; and what the kernel has counted since it started.

  --json   the same as JSON`

/** What the kernel counts of listeners (TcpExt in /proc/net/netstat), with what it means. */
const counters: Record<string, string> = {
  ListenOverflows: 'connections that met a full accept queue: raise the backlog, or accept faster',
  ListenDrops: 'SYNs dropped at a listener, for a full queue or another reason',
  TCPReqQFullDoCookies: 'SYNs answered with a cookie, since too many were half-open',
  TCPReqQFullDrop: 'SYNs dropped, since too many were half-open and cookies are off',
  TCPTimeWaitOverflow: 'connections that found no room in TIME_WAIT (tcp_max_tw_buckets)',
  TCPAbortOnTimeout: 'connections given up for want of an answer',
}

interface Finding extends Omit<Setting, 'advice'> {
  value: string
  advice: string | undefined
}

export function run(args: string[]): void {
  const parsed = parse(args, { json: { type: 'boolean' } }, help)
  if (parsed === undefined) return
  const report = { binary: binary(), system: system(), settings: findings(), counters: counted() }
  if (parsed.values.json) console.log(JSON.stringify(report, null, 2))
  else print(report)
}

function binary(): string {
  const root = fileURLToPath(new URL('../..', import.meta.url))
  const nodeGypBuild = createRequire(import.meta.url)('node-gyp-build') as {
    resolve(root: string): string
  }
  // The addon is loaded by now, or the command would not have come this far.
  return relative(root, nodeGypBuild.resolve(root))
}

function system(): string {
  return `${os.type()} ${os.release()} ${os.arch()}, Node ${process.version}`
}

function findings(): Finding[] {
  return settings.flatMap((setting) => {
    const value = read(`/proc/sys/${setting.name.replaceAll('.', '/')}`)?.trim()
    return value === undefined ? [] : [{ ...setting, value, advice: setting.advice(Number(value)) }]
  })
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

function counted(): Record<string, number> {
  const lines = (read('/proc/net/netstat') ?? '')
    .split('\n')
    .filter((line) => line.startsWith('TcpExt:'))
  const [names = [], values = []] = lines.map((line) => line.split(' '))
  return Object.fromEntries(
    Object.keys(counters).flatMap((name) => {
      const at = names.indexOf(name)
      return at === -1 ? [] : [[name, Number(values[at])]]
    }),
  )
}

interface Report {
  binary: string
  system: string
  settings: Finding[]
  counters: Record<string, number>
}

function print({ binary, system, settings, counters: counts }: Report): void {
  console.log(`binary   ${binary}, loaded`)
  console.log(`system   ${system}`)
  if (platform !== 'linux') {
    console.log('Settings and counters are read from /proc, which only Linux has.')
    return
  }
  const rows = settings.map(({ name, value, about, advice }) => [
    name,
    value,
    advice === undefined ? about : `${about} ${style('yellow', advice)}`,
  ])
  printTable(['setting', 'value', 'what it does'], rows, [34, 8, 60])
  const counterRows = Object.entries(counts).map(([name, count]) => [
    name,
    String(count),
    counters[name] ?? '',
  ])
  printTable(['since the kernel started', 'count', 'what it counts'], counterRows, [34, 8, 60])
  const bad = settings.filter(({ advice }) => advice !== undefined)
  console.log(
    bad.length === 0
      ? 'None of these settings hurts a busy server.'
      : `To change one until the next start: sysctl -w ${bad[0]?.name}=VALUE; for good, a line in /etc/sysctl.d.`,
  )
}
