/** Tables. This file alone is bundled (scripts/build-cli.js), so that cli-table3 is no dependency of users. */
import { stripVTControlCharacters } from 'node:util'
import Table from 'cli-table3'

/**
 * A table as wide as the terminal; its columns share the room as `shares` has it, and texts wrap. Words of up
 * to 14 letters are never cut.
 */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  shares: readonly number[],
  width: number,
): string {
  const total = shares.reduce((sum, share) => sum + share, 0)
  // Each column has a border and two spaces.
  const room = Math.max(width - 1, 60) - head.length - 1
  const made = new Table({
    head: [...head],
    colWidths: shares.map((share, column) => {
      const words = [head, ...rows].flatMap((row) =>
        stripVTControlCharacters(row[column] ?? '').split(/\s/),
      )
      const longest = Math.min(14, Math.max(...words.map((word) => word.length)))
      return Math.max(longest + 2, Math.floor((room * share) / total))
    }),
    wordWrap: true,
    style: { head: [], border: [] },
  })
  made.push(...rows.map((row) => [...row]))
  return made.toString()
}
