/**
 * What the backlog is good for: an HTTP server whose loop stands still for half a second while 2,000
 * clients connect, once with Node's own backlog and once with a larger one.
 */
import { measure } from './server.js'
import { format, notes, summarise, table, verdict } from './report.js'

const backlogs = [511, 4096]
const stall = 500
const deadline = 8000
const wanted = 2000
/** Descriptors that a process needs for itself. */
const reserve = 100

try {
  await main()
} catch (error) {
  console.error(`\nThe demo failed: ${error.message}`)
  process.exitCode = 1
}

async function main() {
  const connections = Math.min(wanted, descriptorLimit() - reserve)
  if (connections < 1) throw new Error('"ulimit -n" is too small')
  if (connections < wanted) {
    console.log(
      `Only ${format(connections)} connections: "ulimit -n" allows no more descriptors.\n`,
    )
  }
  console.log(
    `${format(connections)} clients connect while the server's loop stands still for ${stall} ms.\n`,
  )
  const runs = []
  for (const backlog of backlogs) {
    runs.push(summarise(await measure({ backlog, connections, stall, deadline })))
  }
  console.log(['', table(runs, deadline), ...notes(runs), '', verdict(...runs)].join('\n'))
}

/** Node raises its soft limit to the hard one when it starts, and so do its children. */
function descriptorLimit() {
  const soft = Number(process.report.getReport().userLimits?.open_files.soft)
  return Number.isNaN(soft) ? Infinity : soft
}
