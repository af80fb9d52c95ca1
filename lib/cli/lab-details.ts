import { inspect } from 'node:util'
import { style } from './output.js'

/** What was observed, member by member: numbers, states over time, ladders. */
export function describeData(id: string, data: Record<string, unknown>): string {
  const lines = Object.entries(data).map(([name, value]) => `  ${name}: ${valueText(value)}`)
  return [`\n${style('bold', id)}`, ...lines].join('\n')
}

function valueText(value: unknown): string {
  if (typeof value === 'string' && !value.includes('\n')) return value
  if (typeof value === 'string') return `\n${value.replace(/^/gm, '    ')}`
  const text = inspect(value, { depth: 6, breakLength: 100, colors: false, maxArrayLength: 200 })
  return text.includes('\n') ? `\n${text.replace(/^/gm, '    ')}` : text
}
