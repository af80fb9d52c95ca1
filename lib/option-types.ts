/** What the table says about names and values, as types. */
import type { Codec } from './codec/codec.js'
import type { table } from './options.js'

type Table = typeof table

/** The name of an option, as C spells it. */
export type OptionName = keyof Table

/** The options that can be read. */
export type ReadableOption = {
  [Name in OptionName]: Table[Name] extends { access: 'set' } ? never : Name
}[OptionName]

/** The options that can be set. */
export type WritableOption = {
  [Name in OptionName]: Table[Name] extends { access: 'get' } ? never : Name
}[OptionName]

/** What `getOption` returns for a name. */
export type OptionValue<Name extends OptionName> =
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- only the other half is inferred
  Table[Name]['value'] extends Codec<any, infer Value> ? Value : never

/** What `setOption` takes for a name. */
export type SettableValue<Name extends OptionName> =
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- only the other half is inferred
  Table[Name]['value'] extends Codec<infer Value, any> ? Value : never

/** Several options with their values. */
export type OptionValues = { readonly [Name in WritableOption]?: SettableValue<Name> }
