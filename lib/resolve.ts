/** The table, resolved to the column of one system. */
import type { Layout, Plain } from './codec/codec.js'
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
  /** Layouts have many shapes, options one: this is on the path of each call. */
  readonly plain: Plain | 'not'
  readonly size: number
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- each option has its own value type
  readonly layout: Layout<any, any>
  /** How it is set where that is not done with setsockopt. */
  readonly apply: ((socket: number, checked: unknown) => void) | undefined
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
    options.set(name, optionOf(row, row.value.on(system), { name, level, ...spelling(name, cell) }))
  }
  return options
}

/** An option with the shape that all of them have. */
export function optionOf(
  row: Row,
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- each option has its own value type
  layout: Layout<any, any>,
  { name, nativeName, level, number }: Pick<Option, 'name' | 'nativeName' | 'level' | 'number'>,
  apply?: Option['apply'],
): Option {
  const { plain = 'not', size } = layout
  return { name, nativeName, row, level, number, plain, size, layout, apply }
}

/** What the system calls the option, and its number there. */
export function spelling(name: string, cell: Cell): { nativeName: string; number: number } {
  if (typeof cell === 'number') return { nativeName: name, number: cell }
  const [nativeName = name] = Object.keys(cell)
  return { nativeName, number: cell[nativeName] ?? Number.NaN }
}

const here = resolve(platform)

/** A map per way of use, so that one look-up answers both questions. */
const usable = {
  get: new Map([...here].filter(([, { row }]) => row.access !== 'set')),
  set: new Map([...here].filter(([, { row }]) => row.access !== 'get')),
}

/** This system's option of that name, if it may be used so; otherwise an error that says why not. */
export function lookUp(name: unknown, access: 'get' | 'set'): Option {
  return usable[access].get(name as string) ?? unusable(name, access)
}

function unusable(name: unknown, access: 'get' | 'set'): never {
  if (!here.has(name as string)) throw absent(name, access)
  const reason = access === 'set' ? 'can only be read' : 'can only be set'
  throw invalidValue('name', name, `is an option that ${reason}`)
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
