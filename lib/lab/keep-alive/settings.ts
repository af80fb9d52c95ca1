/** Setting keep-alive: the values, their limits, the systems that have them. */
import { spawnSync } from 'node:child_process'
import { release } from 'node:os'
import {
  getKeepAlive,
  getOption,
  isSupported,
  setKeepAlive,
  setOption,
  type TcpListener,
} from '../../index.js'
import { platform, platformNames } from '../../platform.js'
import { codeOf, connect, judge, listen, localPort } from '../not-accepted/ends.js'
import type { Observation, Scenario } from '../scenario.js'
import { setting } from './connection.js'

const three = ['TCP_KEEPIDLE', 'TCP_KEEPINTVL', 'TCP_KEEPCNT'] as const

async function settable(): Promise<Observation> {
  const documented = setting(1, 3, 10)
  const listener = await listen()
  setKeepAlive(listener, documented)
  const kept = getKeepAlive(listener)
  const options = Object.fromEntries(three.map((name) => [name, getOption(listener, name)]))
  const client = await connect(listener)
  const timer = timerOf(listener, localPort(client))
  const limits = Object.fromEntries(three.map((name) => [name, limitsOf(listener, name)]))
  const same = JSON.stringify(kept) === JSON.stringify(documented)
  return judge(same, {
    seen:
      `kept: ${three.map((name) => `${name} ${options[name]}`).join(', ')}` +
      (timer === null ? '' : `; ss shows ${timer} on a connection that inherited it`) +
      `; taken: ${three.map((name) => `${name} ${limits[name]?.join(' to ')}`).join(', ')}`,
    data: { kept, options, timer, limits },
  })
}

/** The values around the limits that Linux has; how far they are taken. */
const tried = [0, 1, 127, 128, 32767, 32768]

/** The least and the greatest of the values tried that the kernel takes. */
function limitsOf(listener: TcpListener, name: (typeof three)[number]): number[] {
  const taken = tried.filter((value) => {
    try {
      setOption(listener, name, value)
      return true
    } catch (error) {
      if (codeOf(error) !== 'EINVAL') throw error
      return false
    }
  })
  return [Math.min(...taken), Math.max(...taken)]
}

/** The timer of the server's end as ss(8) shows it: `'keepalive,999ms,0'`; null without ss, or without a timer. */
function timerOf(listener: TcpListener, clientPort: number): string | null {
  const filter = `sport = :${(listener.address() as { port: number }).port} and dport = :${clientPort}`
  const { stdout, error } = spawnSync('ss', ['-tnoH', filter], { encoding: 'utf8' })
  return error ? null : (/timer:\(([^)]*)\)/.exec(stdout)?.[1] ?? null)
}

/** The first Windows build that has the three options. */
const firstBuild = 15063

async function needsVersion(): Promise<Observation> {
  const listener = await listen({ keepAlive: setting(1, 3, 10) })
  const supported = three.filter((name) => isSupported(name))
  const kept = getKeepAlive(listener)
  const build = Number(release().split('.')[2])
  const has = supported.length === three.length && kept !== false
  if (platform !== 'win32' && !has) throw new Error(`only ${supported.join()} on ${release()}`)
  const asDocumented = platform === 'win32' && has === build >= firstBuild
  return judge(asDocumented, {
    seen: `${supported.length} of 3 options, set without error, on ${platformNames[platform]} ${release()}`,
    why: `${platformNames[platform]} has always had them: no version need be checked.`,
    data: { supported, kept },
  })
}

export const scenarios: readonly Scenario[] = [
  {
    id: 'S4.3',
    claim: 'Keep-alive can be set to 1 s idle, 3 s between probes and 10 probes.',
    of: 'Windows',
    documented:
      'Windows: SO_KEEPALIVE and the TCP options 3, 17 and 16 are set without error. Linux: the TCP options 4, 5 and 6, ' +
      '1 to 32767 s and 1 to 127 probes.',
    run: settable,
  },
  {
    id: 'S4.8',
    claim: 'The three times need Windows 10 build 15063 or Server 2019.',
    of: 'Windows',
    documented: 'Windows: not supported below 10.0.15063. Linux: always there.',
    run: needsVersion,
  },
]
