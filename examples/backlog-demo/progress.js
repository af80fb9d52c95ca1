/** Shows the accept queue as it changes: a bar in a terminal, now and then a line elsewhere. */
import pc from 'picocolors'
import { format } from './report.js'

/** Fits a line into 80 columns. */
const width = 20
const msPerFrame = 30

/** Returns a function that shows a state, and ends the bar when told that it is the last. */
export function startProgress({ backlog, connections }) {
  return process.stdout.isTTY ? bar(backlog) : lines(backlog, connections)
}

function bar(backlog) {
  let shownAt = -Infinity
  return (state, last = false) => {
    const now = performance.now()
    if (!last && now - shownAt < msPerFrame) return
    shownAt = now
    process.stdout.write(`\r\x1b[K${describe(backlog, state)}${last ? '\n' : ''}`)
  }
}

/** A line for each eighth of the connections that the queue gained or lost, and one a second. */
function lines(backlog, connections) {
  let shown = { at: -Infinity, phase: '', length: 0, served: 0 }
  return (state, last = false) => {
    const at = performance.now()
    const { phase, queue, served } = state
    const length = queue?.length ?? 0
    const changed = Math.abs(length - shown.length) >= connections / 8 || phase !== shown.phase
    if (!last && !changed && at - shown.at < 1000) return
    shown = { at, phase, length, served }
    process.stdout.write(`${describe(backlog, state)}\n`)
  }
}

function describe(backlog, { phase, queue, served }) {
  const head = `backlog ${String(backlog).padEnd(4)}  ${phase.padEnd(7)}`
  const tail = `served ${format(served)}`
  if (queue === undefined) return `${head}  ${tail}`
  const { length, limit } = queue
  const filled = Math.min(width, Math.ceil((length / limit) * width))
  const colour = length > limit ? pc.red : pc.green
  const gauge = colour('█'.repeat(filled)) + pc.dim('░'.repeat(width - filled))
  return `${head}  ${gauge}  queue ${format(length).padStart(5)} of ${format(limit)}  ${tail}`
}
