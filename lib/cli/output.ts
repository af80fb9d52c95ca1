/** Text for a terminal, or plain for a pipe. */
import { parseArgs, styleText } from 'node:util'
import { table } from './table.js'

type Style = Parameters<typeof styleText>[0]

const hasColours = process.stdout.isTTY && process.env.NO_COLOR === undefined

/** Coloured in a terminal, as it is in a pipe. */
export function style(format: Style, text: string): string {
  return hasColours ? styleText(format, text) : text
}

/**
 * Prints a table: as wide as the terminal, its columns sharing the room as `shares` has it; for a pipe, one
 * line per row with tabs between, so that other programs can read it.
 */
export function printTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  shares: readonly number[],
): void {
  if (process.stdout.isTTY) console.log(table(head, rows, shares, process.stdout.columns))
  else for (const row of [head, ...rows]) console.log(row.join('\t').replaceAll('\n', ' '))
}

/** Prints what is wrong and ends with status 2, as for any wrong use. */
export function fail(message: string, help?: string): void {
  console.error(message)
  if (help !== undefined) console.error(`\n${help}`)
  process.exitCode = 2
}

type Flags = Record<string, { type: 'boolean' | 'string' }>

/** What was given for each flag, and the arguments without a name. */
export interface Parsed<F extends Flags> {
  values: { [Name in keyof F]?: F[Name]['type'] extends 'boolean' ? boolean : string }
  positionals: string[]
}

/** The arguments of a command; undefined if it has been answered already: with help, or an error. */
export function parse<F extends Flags>(
  args: string[],
  flags: F,
  help: string,
): Parsed<F> | undefined {
  const options = { ...flags, help: { type: 'boolean', short: 'h' } } as const
  try {
    const { values, positionals } = parseArgs({ args, options, allowPositionals: true })
    const { help: wantsHelp, ...given } = values as Record<string, boolean | string | undefined>
    if (wantsHelp !== true) return { values: given as Parsed<F>['values'], positionals }
    console.log(help)
  } catch (error) {
    fail((error as Error).message, help)
  }
  return undefined
}
