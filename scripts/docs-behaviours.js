// Writes docs/behaviours.md and its pictures from a run of the lab on this system: every row with its
// numbers. The long scenarios are run in full, so it takes about three minutes.
//
//   node scripts/docs-behaviours.js [--from FILE]   with --from: from the output of "lab --slow --json"
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { keepAlive, queueLength, statesOverTime, synRetransmission } from './behaviours/charts.js'
import { document } from './behaviours/document.js'
import { measureQueue } from './behaviours/queue.js'

const { values } = parseArgs({ options: { from: { type: 'string' } } })

function runLab() {
  const args = ['dist/cli/main.js', 'lab', '--slow', '--json']
  const stdio = ['ignore', 'pipe', 'inherit']
  const { stdout, status } = spawnSync(process.execPath, args, {
    encoding: 'utf8',
    stdio,
    maxBuffer: 2 ** 26,
  })
  if (status !== 0) throw new Error('a scenario broke')
  return stdout
}

const lab = JSON.parse(values.from === undefined ? runLab() : readFileSync(values.from, 'utf8'))
const observed = (id) => lab.results.find((result) => result.id === id).data

mkdirSync('docs/pictures', { recursive: true })
const pictures = {
  'syn-retransmission': synRetransmission(observed('S3.5')),
  'queue-length': queueLength(await measureQueue()),
  'states-over-time': statesOverTime(lab.results),
  'keep-alive': keepAlive(observed('S4.4')),
}
for (const [name, svg] of Object.entries(pictures)) {
  writeFileSync(`docs/pictures/${name}.svg`, `${svg}\n`)
}
writeFileSync('docs/behaviours.md', document(lab))
