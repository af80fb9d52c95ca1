/** The table, resolved to the column of one system. */
import type { Layout } from './codec/codec.js'
import { errnoOf, invalidType, invalidValue, systemError } from './errors.js'
import { type Cell, type LevelName, type Row, table } from './options.js'
import { type Platform, platform, platformNames } from './platform.js'

/** An option as one system has it. */
export interface Option {
  readonly name: string
  readonly row: Row
  /** The system's own name for it: `SO_LINGER_SEC`. */
  readonly nativeName: string
  readonly level: number
  readonly number: number
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- each option has its own value type
  readonly layout: Layout<any, any>
}

/** What the levels are called in C, as numbers. */
export const levelNumbers: Record<Platform, Record<LevelName, number>> = {
  linux: levels(1),
  darwin: levels(0xffff),
  win32: levels(0xffff),
}

function levels(socket: number): Record<LevelName, number> {
  return {
    SOL_SOCKET: socket,
    SOL_LOCAL: 0,
    IPPROTO_TCP: 6,
    IPPROTO_IP: 0,
    IPPROTO_IPV6: 41,
    IPPROTO_UDP: 17,
  }
}

/** The options that a system has, by their names in the table. */
export function resolve(system: Platform): Map<string, Option> {
  const options = new Map<string, Option>()
  for (const [name, row] of Object.entries<Row>(table)) {
    const cell = row[system]
    if (cell === undefined) continue
    const level = levelNumbers[system][row.levels?.[system] ?? row.level]
    options.set(name, { name, row, ...spelling(name, cell), level, layout: row.value.on(system) })
  }
  return options
}

/** What the system calls the option, and its number there. */
export function spelling(name: string, cell: Cell): { nativeName: string; number: number } {
  if (typeof cell === 'number') return { nativeName: name, number: cell }
  const [nativeName = name] = Object.keys(cell)
  return { nativeName, number: cell[nativeName] ?? Number.NaN }
}

const here = resolve(platform)

/** This system's option of that name, if it may be used so; otherwise an error that says why not. */
export function lookUp(name: unknown, access: 'get' | 'set'): Option {
  const option = here.get(name as string)
  if (option === undefined) throw absent(name, access)
  const { access: only } = option.row
  if (only !== undefined && only !== access) {
    const reason = only === 'get' ? 'can only be read' : 'can only be set'
    throw invalidValue('name', name, `is an option that ${reason}`)
  }
  return option
}

/** This system's option of that name, or undefined; a name that no system knows is an error. */
export function find(name: unknown): Option | undefined {
  const option = here.get(name as string)
  if (option === undefined) rowOf(name)
  return option
}

function rowOf(name: unknown): Row {
  if (typeof name !== 'string') throw invalidType('name', 'of type string', name)
  if (!Object.hasOwn(table, name)) {
    throw invalidValue('name', name, 'is not an option that net-sockopt knows')
  }
  return table[name as keyof typeof table]
}

function absent(name: unknown, access: 'get' | 'set'): Error {
  const row = rowOf(name)
  const has = (['linux', 'darwin', 'win32'] as const).filter((system) => row[system] !== undefined)
  const others = has.map((system) => platformNames[system]).join(' and ')
  const hint = `${platformNames[platform]} has no such option (${others} only)`
  const option = name as string
  return systemError(errnoOf('ENOPROTOOPT'), `${access}sockopt`, { option, hint })
}
