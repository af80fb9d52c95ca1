/** From measured runs to a table and a sentence. */
import Table from 'cli-table3'
import pc from 'picocolors'
import { counterNames } from './kernel-counters.js'

export const format = (number) => Math.round(number).toLocaleString('en')

/** Adds the figures that are shown to what a run measured. */
export function summarise({ results, ...run }) {
  const times = (name) => results.map((result) => result[name]).filter((ms) => ms !== undefined)
  const connect = times('connect')
  const response = times('response')
  return {
    ...run,
    served: response.length,
    lost: results.length - response.length,
    connect: { p50: percentile(connect, 50), p99: percentile(connect, 99) },
    response: { p50: percentile(response, 50), p99: percentile(response, 99) },
  }
}

/** The value that so many per cent do not exceed (nearest rank); undefined if there is none. */
export function percentile(values, percent) {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.ceil((percent / 100) * sorted.length) - 1]
}

/** A column for each run. */
export function table(runs, deadline) {
  const number = (value) => (value === undefined ? 'not available' : format(value))
  const ms = (value) => (value === undefined ? 'none' : `${format(value)} ms`)
  const rows = [
    ['connections served', ({ served }) => number(served)],
    [`connections lost (no response in ${deadline / 1000} s)`, ({ lost }) => number(lost)],
    ['connect time p50', ({ connect }) => ms(connect.p50)],
    ['connect time p99', ({ connect }) => ms(connect.p99)],
    ['response time p50', ({ response }) => ms(response.p50)],
    ['response time p99', ({ response }) => ms(response.p99)],
    ['queue limit', ({ limit }) => number(limit)],
    ['queue peak', ({ peak }) => number(peak)],
    ...counterNames.map((name) => [name, ({ counters }) => number(counters?.[name])]),
  ]
  const result = new Table({
    head: ['', ...runs.map(({ backlog }) => pc.bold(`backlog ${backlog}`))],
    colAligns: ['left', ...runs.map(() => 'right')],
    style: { head: [], border: [], compact: true },
  })
  result.push(...rows.map(([title, cell]) => [title, ...runs.map(cell)]))
  return result.toString()
}

/** What the figures alone do not say. */
export function notes(runs) {
  return runs.flatMap(({ backlog, limit, counters }) => [
    ...(limit < backlog
      ? [`The kernel cut the backlog ${backlog} to ${limit}: ${sysctl} is too small.`]
      : []),
    ...(counters?.ListenOverflows > 0
      ? [`Backlog ${backlog}: a client that found the queue full tried again a second later.`]
      : []),
  ])
}

const sysctl = process.platform === 'linux' ? 'net.core.somaxconn' : 'kern.ipc.somaxconn'

/** What the larger backlog bought, from the figures. */
export function verdict(small, large) {
  if (small.limit !== undefined && small.limit === large.limit) {
    return `The kernel gave both queues the limit ${format(small.limit)}, so the larger backlog bought nothing here.`
  }
  const gains = [
    fewer('connections were lost', small.lost, large.lost),
    faster('half of the clients connected', small.connect.p50, large.connect.p50),
    faster('99 % connected', small.connect.p99, large.connect.p99),
  ].filter((gain) => gain !== undefined)
  const head = `With a backlog of ${large.backlog} instead of ${small.backlog}`
  if (gains.length > 0) {
    return `${head}, ${new Intl.ListFormat('en-GB').format(gains)}.`
  }
  const reason = small.peak <= small.limit ? ': the smaller queue never overflowed' : ''
  return `${head}, nothing measurable changed here${reason}.`
}

function fewer(what, before, after) {
  return after < before ? `${format(after)} ${what} instead of ${format(before)}` : undefined
}

/** Only what is beyond the noise of one run. */
function faster(what, before, after) {
  const clear = before - after > 50 && before > 2 * after
  return clear ? `${what} within ${format(after)} ms instead of ${format(before)} ms` : undefined
}
