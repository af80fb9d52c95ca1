/** Runs one scenario in a process of its own, in a network namespace of its own if it wants one. */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { platform, platformNames } from '../platform.js'
import type { Observation, Scenario } from './scenario.js'

const child = fileURLToPath(new URL('child.js', import.meta.url))

/** A quick scenario takes a few seconds at most; a slow one says how long. */
const quickLimit = 30_000

export interface ObserveOptions {
  slow?: boolean
}

/** The observation, or a rejection if the scenario itself broke. */
export async function observe(
  scenario: Scenario,
  { slow = false }: ObserveOptions = {},
): Promise<Observation> {
  const obstacle = obstacleFor(scenario)
  if (obstacle !== undefined) {
    return { verdict: 'could not be shown here', seen: 'nothing', why: obstacle, data: {} }
  }
  const limit = quickLimit + (slow ? 2000 * (scenario.slowSeconds ?? 0) : 0)
  const { stdout, stderr, status } = await run(commandFor(scenario, slow), limit)
  const lastLine = stdout.trim().split('\n').at(-1) ?? ''
  if (status !== 0 || !lastLine.startsWith('{')) {
    throw new Error(`${scenario.id} broke (status ${status}): ${stderr || stdout}`)
  }
  return JSON.parse(lastLine) as Observation
}

/** Why a scenario cannot be run here; undefined if it can. */
export function obstacleFor({ platforms, namespace }: Scenario): string | undefined {
  if (platforms && !platforms.includes(platform)) {
    return `needs ${platforms.map((each) => platformNames[each]).join(' or ')}`
  }
  if (namespace && !canUnshare()) {
    return 'needs a network namespace: root, or user namespaces that are allowed (unshare -Urn)'
  }
  return undefined
}

/** Ways to a network namespace: as root, or as anybody with the privileges of a user namespace of one's own. */
const ways = [['-n'], ['-Un', '--map-current-user', '--keep-caps'], ['-Urn']]

let unshare: string[] | undefined | null = null

/** The options with which unshare(1) gives us a network namespace; undefined if it does not. */
function unshareOptions(): string[] | undefined {
  if (unshare === null) {
    const bringUp = ['ip', 'link', 'set', 'lo', 'up']
    unshare = ways.find((way) => spawnSync('unshare', [...way, ...bringUp]).status === 0)
  }
  return unshare
}

/**
 * A second namespace within the first, with a table of connections of its own (Linux 6.1): the machine's has a
 * quarter of a million buckets, all of which a read of /proc/net/tcp walks through.
 */
const smallTable =
  '(echo 1024 > /proc/sys/net/ipv4/tcp_child_ehash_entries) 2>/dev/null; exec unshare -n "$@"'

export function canUnshare(): boolean {
  return platform === 'linux' && unshareOptions() !== undefined
}

/**
 * A fresh namespace has the kernel's defaults: what the machine is set to is copied into it, so that the lab
 * shows this system and not a new one. Kernels lack some of these, and not all can be set without root.
 */
const mirrored = [
  'core/somaxconn',
  ...[
    'abort_on_overflow',
    'fin_timeout',
    'keepalive_intvl',
    'keepalive_probes',
    'keepalive_time',
    'max_syn_backlog',
    'retries2',
    'rfc1337',
    'syn_linear_timeouts',
    'syn_retries',
    'synack_retries',
    'syncookies',
    'timestamps',
    'tw_reuse',
  ].map((name) => `ipv4/tcp_${name}`),
]

function copyOfSettings(): string[] {
  return mirrored.flatMap((name) => {
    const path = `/proc/sys/net/${name}`
    if (!existsSync(path)) return []
    return [`{ echo ${readFileSync(path, 'utf8').trim()} > ${path}; } 2>/dev/null || true`]
  })
}

function commandFor({ id, namespace }: Scenario, slow: boolean): [string, string[]] {
  const program = [process.execPath, child, id, ...(slow ? ['--slow'] : [])]
  if (namespace === undefined) return [process.execPath, program.slice(1)]
  const settings = Object.entries(namespace.settings ?? {})
  const script = [
    'set -e',
    'ip link set lo up',
    ...copyOfSettings(),
    ...settings.map(([name, value]) => `echo "${value}" > /proc/sys/net/${name}`),
    'exec "$@"',
  ].join('\n')
  const inner = ['sh', '-c', script, 'sh', ...program]
  return ['unshare', [...(unshareOptions() ?? []), 'sh', '-c', smallTable, 'sh', ...inner]]
}

interface Ended {
  stdout: string
  stderr: string
  status: number | null
}

async function run([command, args]: [string, string[]], timeout: number): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const stdio = ['ignore', 'pipe', 'pipe'] as const
    const process = spawn(command, args, { stdio: [...stdio], timeout, killSignal: 'SIGKILL' })
    const ended: Ended = { stdout: '', stderr: '', status: null }
    process.stdout.setEncoding('utf8').on('data', (text: string) => (ended.stdout += text))
    process.stderr.setEncoding('utf8').on('data', (text: string) => (ended.stderr += text))
    process.on('error', reject)
    process.on('close', (status) => resolve({ ...ended, status }))
  })
}
