/**
 * `npm run bench`: ratios against a C loop, and against other packages, side by side in one run.
 *
 *   --write   also writes docs/benchmarks.md
 *   --check   exit status 1 if a goal is missed
 *   --quick   a few rounds, to see that every case works; says nothing about speed
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { writeDocument } from './document.js'
import { judgeAcceptPath, judgeCalls } from './goals.js'
import { measureCalls } from './measure.js'
import { acceptTable, callsTable, goalsTable, toTerminal } from './report.js'

const flag = { type: 'boolean', default: false }
const { values: flags } = parseArgs({ options: { write: flag, check: flag, quick: flag } })

const size = flags.quick
  ? { calls: { rounds: 4, sampleMs: 0.2 }, accept: { rounds: 2, connections: 50 } }
  : { calls: { rounds: 200, sampleMs: 2 }, accept: { rounds: 100, connections: 250 } }

const accept = await measureAcceptPath(size.accept)
const calls = await measureCalls(size.calls)
console.log(toTerminal(callsTable(calls)))
console.log(toTerminal(acceptTable(accept)))

if (!flags.quick) {
  const verdicts = [...calls.flatMap(judgeCalls), ...judgeAcceptPath(accept)]
  console.log(toTerminal(goalsTable(verdicts)))
  if (flags.write) writeDocument({ calls, accept, verdicts })
  if (flags.check && verdicts.some(({ met }) => !met)) process.exitCode = 1
}

async function measureAcceptPath(size) {
  const child = fork(fileURLToPath(new URL('accept-path.js', import.meta.url)))
  child.send(size)
  const failed = once(child, 'exit').then(([status]) => {
    throw new Error(`The accept path was not measured (exit status ${status})`)
  })
  const [result] = await Promise.race([once(child, 'message'), failed])
  failed.catch(() => undefined)
  return result
}
