import os from 'node:os'
import { readFileSync } from 'node:fs'
import { observe } from '../lab/observe.js'
import {
  type Observation,
  type Scenario,
  sources,
  type SourceId,
  type Verdict,
} from '../lab/scenario.js'
import { scenarios } from '../lab/scenarios.js'
import { describeData } from './lab-details.js'
import { fail, parse, printTable, style } from './output.js'

const help = `Usage: net-sockopt lab [--slow] [--json] [--list] [ID ...]

Reproduces on this system, with real sockets on loopback, what is documented of the listen backlog, TIME_WAIT,
SO_LINGER, connections that nobody accepts, and keep-alive. An ID is a scenario (S1.16) or a document (S3).
With few of them, details are shown: states over time, retransmissions, packets, queue lengths.

A verdict is "as documented", "differs here" (with what was seen and why) or "could not be shown here" (with the
reason). The exit status is 0 unless a scenario itself broke.

  --slow   the long ones in full: two minutes of SYN retransmission, one of TIME_WAIT, half of keep-alive
  --json   the observations as JSON
  --list   the scenarios, without running them`

/** What stands in the table for one scenario. */
export interface Result {
  id: string
  claim: string
  of: string
  documented: string
  verdict: Verdict | 'broke'
  seen: string
  why?: string
  data: Record<string, unknown>
}

const flags = {
  slow: { type: 'boolean' },
  json: { type: 'boolean' },
  list: { type: 'boolean' },
} as const

/** Most of the time they wait for the kernel, so several run at a time. */
const atATime = 4

/** Up to so many are shown with details. */
const detailed = 3

export async function run(args: string[]): Promise<void> {
  const parsed = parse(args, flags, help)
  if (parsed === undefined) return
  const { values, positionals } = parsed
  const chosen = choose(positionals)
  if (typeof chosen === 'string') {
    fail(chosen, help)
    return
  }
  if (values.list === true) {
    printList(chosen)
    return
  }
  const results = await runAll(chosen, values.slow === true)
  if (values.json === true) console.log(JSON.stringify({ system: system(), results }, null, 2))
  else print(results, chosen.length <= detailed)
  if (results.some(({ verdict }) => verdict === 'broke')) process.exitCode = 1
}

/** The scenarios that the arguments name, or what is wrong with them. */
function choose(ids: string[]): readonly Scenario[] | string {
  if (ids.length === 0) return scenarios
  const wanted = ids.map((id) => id.toUpperCase())
  const unknown = wanted.find(
    (id) => !(id in sources) && !scenarios.some((scenario) => scenario.id.toUpperCase() === id),
  )
  if (unknown !== undefined) return `There is no scenario "${unknown}"; --list shows them.`
  return scenarios.filter(({ id }) =>
    wanted.some((each) => id.toUpperCase() === each || id.startsWith(`${each}.`)),
  )
}

/** The system and the settings that it ran on. */
export function system(): Record<string, string> {
  const names = [
    'core/somaxconn',
    'ipv4/tcp_abort_on_overflow',
    'ipv4/tcp_syncookies',
    'ipv4/tcp_syn_retries',
    'ipv4/tcp_syn_linear_timeouts',
    'ipv4/tcp_fin_timeout',
    'ipv4/tcp_congestion_control',
  ]
  const settings = names.flatMap((name) => {
    try {
      return [
        [name.replace('/', '.'), readFileSync(`/proc/sys/net/${name}`, 'utf8').trim()] as const,
      ]
    } catch {
      return []
    }
  })
  const kernel = `${os.type()} ${os.release()} ${os.arch()}`
  return { kernel, node: process.version, ...Object.fromEntries(settings) }
}

async function runAll(chosen: readonly Scenario[], slow: boolean): Promise<Result[]> {
  const results = new Map<Scenario, Result>()
  const waiting = [...chosen]
  const progress = (): void => {
    if (!process.stderr.isTTY) return
    process.stderr.write(`\r${results.size} of ${chosen.length} scenarios`.padEnd(40))
  }
  progress()
  await Promise.all(
    Array.from({ length: atATime }, async () => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        results.set(next, await resultOf(next, slow))
        progress()
      }
    }),
  )
  if (process.stderr.isTTY) process.stderr.write('\r'.padEnd(41) + '\r')
  return chosen.flatMap((scenario) => results.get(scenario) ?? [])
}

async function resultOf(scenario: Scenario, slow: boolean): Promise<Result> {
  const { id, claim, of, documented } = scenario
  const described = { id, claim, of, documented }
  if (scenario.run === undefined) {
    return { ...described, verdict: 'opinion', seen: 'nothing to be seen', data: {} }
  }
  try {
    const observation: Observation = await observe(scenario, { slow })
    return { ...described, ...observation }
  } catch (error) {
    return { ...described, verdict: 'broke', seen: (error as Error).message, data: {} }
  }
}

const colours = {
  'as documented': 'green',
  'differs here': 'yellow',
  'could not be shown here': 'gray',
  opinion: 'gray',
  broke: 'red',
} as const

function print(results: Result[], withDetails: boolean): void {
  const { kernel, node, ...settings } = system()
  console.log(`${kernel}, Node ${node}`)
  console.log(
    Object.entries(settings)
      .map(([name, value]) => `${name} ${value}`)
      .join(', '),
  )
  for (const [source, topic] of Object.entries(sources)) {
    const own = results.filter(({ id }) => id.startsWith(`${source}.`))
    if (own.length === 0) continue
    console.log(`\n${style('bold', `${source as SourceId}: ${topic}`)}`)
    const rows = own.map(({ id, claim, documented, seen, why, verdict }) => [
      id,
      claim,
      documented,
      why === undefined ? seen : `${seen} (${why})`,
      style(colours[verdict], verdict),
    ])
    printTable(['id', 'claim', 'documented', 'seen here', 'verdict'], rows, [7, 34, 30, 44, 13])
  }
  if (withDetails) for (const result of results) console.log(describeData(result.id, result.data))
  console.log(`\n${countsOf(results)}`)
}

function countsOf(results: Result[]): string {
  const verdicts = Object.keys(colours) as (keyof typeof colours)[]
  return verdicts
    .map(
      (verdict) =>
        [verdict, results.filter((result) => result.verdict === verdict).length] as const,
    )
    .filter(([, count]) => count > 0)
    .map(([verdict, count]) => `${count} ${verdict}`)
    .join(', ')
}

function printList(chosen: readonly Scenario[]): void {
  const rows = chosen.map(({ id, of, claim, documented, slowSeconds }) => [
    id,
    of,
    claim,
    documented,
    slowSeconds === undefined ? '' : `${slowSeconds} s`,
  ])
  printTable(['id', 'of', 'claim', 'documented', '--slow'], rows, [7, 9, 50, 40, 8])
}
