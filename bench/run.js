/**
 * `npm run bench`: ratios against a C loop, and against other packages, side by side in one run.
 *
 *   --write   also writes docs/benchmarks.md
 *   --check   exit status 1 if a goal is missed
 *   --quick   a few rounds, to see that every case works; says nothing about speed
 */
import { parseArgs } from 'node:util'
import { askOnce } from './child.js'
import { writeDocument } from './document.js'
import { judgeAcceptPath, judgeCalls, judgeHeld, judgeListeners } from './goals.js'
import { measureHeld } from './held.js'
import { measureCalls } from './measure.js'
import {
  acceptTable,
  callsTable,
  goalsTable,
  listenersTable,
  titles,
  toTerminal,
} from './report.js'

const flag = { type: 'boolean', default: false }
const { values: flags } = parseArgs({ options: { write: flag, check: flag, quick: flag } })

const size = flags.quick
  ? {
      calls: { rounds: 4, sampleMs: 0.2 },
      accept: { rounds: 2, connections: 50 },
      drain: { rounds: 2, connections: 100 },
      held: { rounds: 1, connections: 500 },
    }
  : {
      calls: { rounds: 200, sampleMs: 2 },
      accept: { rounds: 100, connections: 250 },
      drain: { rounds: 16, connections: 4000 },
      held: { rounds: 4, connections: 10_000 },
    }

const accept = await askOnce('accept-path.js', { kind: 'options', ...size.accept })
const listeners = {
  drain: await askOnce('drain.js', size.drain),
  steady: await askOnce('accept-path.js', { kind: 'listeners', ...size.accept }),
  held: await measureHeld(size.held),
}
const calls = await measureCalls(size.calls)
console.log(toTerminal(callsTable(calls)))
console.log(toTerminal(acceptTable(accept)))
console.log(toTerminal(listenersTable(listeners)))
if (listeners.held.connections < size.held.connections) {
  console.log('Fewer connections open than intended: descriptors or ports are short here.')
}

if (!flags.quick) {
  const title = titles(listeners)
  const verdicts = [
    ...calls.flatMap(judgeCalls),
    ...judgeAcceptPath(accept),
    ...judgeListeners(title.drain, listeners.drain),
    ...judgeListeners(title.steady, listeners.steady),
    ...judgeHeld(title.held, listeners.held),
  ]
  console.log(toTerminal(goalsTable(verdicts)))
  if (flags.write) writeDocument({ calls, accept, listeners, verdicts })
  if (flags.check && verdicts.some(({ met }) => !met)) process.exitCode = 1
}
