/** Several options in one crossing: records in the shared area, as native/binding.cc reads them. */
import { area, native, releasePointees } from './binding.js'
import { littleEndian } from './codec/numbers.js'
import { errnoOf, invalidType, outOfRange, systemError } from './errors.js'
import { lookUp, type Option } from './resolve.js'

/** An option with its value, checked and of our own. */
export interface Entry {
  readonly option: Option
  readonly checked: unknown
}

export function entryOf(option: Option, value: unknown): Entry {
  return { option, checked: option.layout.check(value, option.name) }
}

/** The options behind an object of names and values; throws for a name or value that cannot be set here. */
export function entriesOf(values: object, argument = 'values'): Entry[] {
  if (typeof values !== 'object' || values === null || Array.isArray(values)) {
    throw invalidType(argument, 'an object of option names and values', values)
  }
  return Object.keys(values).map((name) =>
    entryOf(lookUp(name, 'set'), (values as Record<string, unknown>)[name]),
  )
}

/** Sets options on a descriptor, in one crossing. The first that the kernel refuses ends it. */
export function applyEntries(socket: number, entries: readonly Entry[]): void {
  encode(entries)
  const result = native.setBatch(socket, entries.length)
  if (result >= 0) return
  throw batchRefused(
    result,
    'setsockopt',
    entries.map(({ option }) => option),
  )
}

/** struct Record: level, option, length, padding; the value follows. */
const recordSize = 16

function putRecord(at: number, option: Option, length: number): number {
  area.view.setInt32(at, option.level, littleEndian)
  area.view.setInt32(at + 4, option.number, littleEndian)
  area.view.setInt32(at + 8, length, littleEndian)
  return at + recordSize + ((length + 7) & ~7)
}

/** Writes the entries into the area. Nothing of the caller's runs meanwhile, so nothing else gets in between. */
function encode(entries: readonly Entry[]): void {
  releasePointees()
  let at = 0
  for (const { option, checked } of entries) {
    checkRoom(at, option)
    const length = option.layout.write(area, at + recordSize, checked)
    at = putRecord(at, option, length)
  }
}

function checkRoom(at: number, { layout }: Option): void {
  if (at + recordSize + layout.size > area.bytes.length) {
    throw outOfRange('options.length', 'few enough for one call', at)
  }
}

/** Reads options of a descriptor; the values in the order of the options. */
export function readBatch(socket: number, options: readonly Option[]): unknown[] {
  let at = 0
  const places = options.map((option) => {
    checkRoom(at, option)
    const place = at
    at = putRecord(at, option, option.layout.size)
    return place
  })
  const result = native.getBatch(socket, options.length)
  if (result < 0) throw batchRefused(result, 'getsockopt', options)
  return options.map(({ layout }, i) => {
    const place = places[i] ?? 0
    const length = area.view.getInt32(place + 8, littleEndian)
    return layout.read(area, place + recordSize, length) as unknown
  })
}

function batchRefused(errno: number, syscall: string, options: readonly Option[]): Error {
  const index = area.view.getInt32(0, littleEndian)
  const option = options[index]
  // The batch itself was malformed, which only a bug of ours can cause.
  if (option === undefined) return systemError(errno, syscall)
  if (syscall === 'getsockopt') return refused(errno, syscall, option)
  const applied = options.slice(0, index).map(({ name }) => name)
  return refused(errno, syscall, option, applied)
}

/** The error for an option that the system refused, with what the table knows about the reason. */
export function refused(errno: number, syscall: string, option: Option, applied?: string[]): Error {
  const { name, row } = option
  const details = applied === undefined ? { option: name } : { option: name, applied }
  return systemError(errno, syscall, { ...details, hint: hintFor(errno, row) })
}

function hintFor(errno: number, { needs, when }: Option['row']): string | undefined {
  const privileged = errno === errnoOf('EPERM') || errno === errnoOf('EACCES')
  if (privileged && needs !== undefined) return `it needs ${needs}`
  if (errno === errnoOf('EINVAL') && when !== undefined) return `it may be set ${when}`
  return undefined
}
