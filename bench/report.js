/** The results as tables: cells first, then for the terminal and for docs/benchmarks.md. */
import Table from 'cli-table3'
import { columns } from './cases.js'
import { ratio } from './goals.js'

const spread = ([lower, upper]) => `${ratio(lower)} to ${ratio(upper)}`
const cell = (summary) =>
  summary === undefined ? 'n/a' : `${ratio(summary.median)} (${spread(summary.quartiles)})`

export function callsTable(rows) {
  return {
    head: ['', 'C loop', ...columns],
    rows: rows.map(({ name, cases }) => [
      name,
      '1.00',
      ...columns.map((column) => cell(cases[column])),
    ]),
  }
}

export function acceptTable({ base, cases }) {
  return {
    head: ['server', 'CPU time per connection'],
    rows: [[base, '1.00'], ...cases.map((each) => [each.name, cell(each)])],
  }
}

/** A column per measurement; not every server is in each. */
export function listenersTable({ drain, steady, held }) {
  const columns = [drain, steady, held]
  const rows = drain.cases.map(({ name }) => [
    name,
    ...columns.map(({ cases }) => cell(cases.find((each) => each.name === name))),
  ])
  return {
    head: ['server', ...Object.values(titles({ drain, steady, held }))],
    rows: [[drain.base, ...columns.map(() => '1.00')], ...rows],
  }
}

const count = (number) => number.toLocaleString('en-GB')

export function titles({ drain, held }) {
  return {
    drain: `CPU time, ${count(drain.connections)} from a full queue`,
    steady: 'CPU time, as they come',
    held: `memory, ${count(held.connections)} open`,
  }
}

export function goalsTable(verdicts) {
  return {
    head: ['goal', '', 'measured'],
    rows: verdicts.map(({ goal, met, found }) => [goal, met ? 'met' : 'missed', found]),
  }
}

export function toTerminal({ head, rows }) {
  const table = new Table({ head, style: { head: [], border: [] } })
  table.push(...rows)
  return table.toString()
}

export function toMarkdown({ head, rows }) {
  const line = (cells) => `| ${cells.map((text) => text.replaceAll('|', '\\|')).join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}
