/** The same functions for tests that take names and values from a table, which the types cannot follow. */
import * as typed from '../../lib/index.js'
import type { OptionName } from '../../lib/index.js'

type Target = typed.SocketTarget

export const setOption = typed.setOption as (target: Target, name: string, value: unknown) => void
export const getOption = typed.getOption as (target: Target, name: string) => unknown
export function setOptions(target: Target, values: Record<string, unknown>): void {
  typed.setOptions(target, values)
}
export const getOptions = typed.getOptions as unknown as (
  target: Target,
  names: readonly string[],
) => Record<string, unknown>
export const isSupported = typed.isSupported as (name: string) => boolean

/** The options that this system has, with what the table says about them. */
export const optionsHere = Object.values(typed.options).filter(
  ({ number }) => number !== undefined,
) as (typed.OptionInfo & { readonly name: OptionName })[]

/** May this process do what needs CAP_NET_ADMIN? */
export const isRoot = process.getuid?.() === 0
