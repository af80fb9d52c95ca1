/**
 * Options in one crossing: described in the shared area, as native/batch.cc reads it. A single option is a
 * batch of one. This is the path of each call, so it loops plainly and writes plain values in place.
 */
import { area, claimArea, doubles, native, releasePointees } from './binding.js'
import { errnoOf, invalidType, systemError } from './errors.js'
import { lookUp, type Option } from './resolve.js'

/** An option with its value, checked and of our own. */
export interface Entry {
  readonly option: Option
  readonly checked: unknown
}

/** The value, checked, as data of our own: whatever of the caller's runs, runs here. */
export function checkedValue(option: Option, value: unknown): unknown {
  const { plain } = option
  if (typeof value === 'number') {
    if (plain === 'int' && (value | 0) === value) return value
    if (plain === 'unsigned' && value >>> 0 === value) return value
  } else if (plain === 'switch' && typeof value === 'boolean') {
    return value
  }
  return option.layout.check(value, option.name)
}

/** The options behind an object of names and values; throws for a name or value that cannot be set here. */
export function entriesOf(values: object, argument = 'values'): Entry[] {
  if (typeof values !== 'object' || values === null || Array.isArray(values)) {
    throw invalidType(argument, 'an object of option names and values', values)
  }
  const entries: Entry[] = []
  for (const name of Object.keys(values)) {
    const option = lookUp(name, 'set')
    const checked = checkedValue(option, (values as Record<string, unknown>)[name])
    entries.push({ option, checked })
  }
  return entries
}

/** struct Batch: the descriptor as a double, the count, and on failure an index. */
const countAt = 2
const failedAt = 3
const recordsAt = 16

/** struct Record: level, option, length, padding; the value follows. */
const recordSize = 16

/** Where the value of the first record is. */
const firstValueAt = recordsAt + recordSize

function begin(socket: number, count: number): void {
  releasePointees()
  doubles[0] = socket
  area.ints[countAt] = count
}

function putRecord(at: number, level: number, number: number, length: number): number {
  const int = at >> 2
  area.ints[int] = level
  area.ints[int + 1] = number
  area.ints[int + 2] = length
  return at + recordSize + ((length + 7) & ~7)
}

/** Writes a record with its value at `at` and returns where the next one begins. */
function putEntry(at: number, option: Option, checked: unknown): number {
  const valueAt = at + recordSize
  claimArea(valueAt + option.size)
  let length = 4
  // An Int32Array makes 1 of true, and keeps the bits of a number above 2^31.
  if (option.plain !== 'not') area.ints[valueAt >> 2] = checked as number
  else length = option.layout.write(area, valueAt, checked)
  return putRecord(at, option.level, option.number, length)
}

/** Sets one option on a descriptor. */
export function setOne(socket: number, option: Option, checked: unknown): void {
  begin(socket, 1)
  putEntry(recordsAt, option, checked)
  const error = native.setBatch()
  if (error !== undefined) throw refused(error, 'setsockopt', option)
}

/** Sets options on a descriptor, in one crossing. The first that the kernel refuses ends it. */
export function applyEntries(socket: number, entries: readonly Entry[]): void {
  begin(socket, entries.length)
  let at = recordsAt
  for (const { option, checked } of entries) {
    if (option.apply !== undefined) {
      applyOneByOne(socket, entries)
      return
    }
    at = putEntry(at, option, checked)
  }
  const error = native.setBatch()
  if (error === undefined) return
  const options = entries.map(({ option }) => option)
  const failed = area.ints[failedAt] ?? 0
  const applied = options.slice(0, failed).map(({ name }) => name)
  throw refusedIn(options, failed, error, 'setsockopt', applied)
}

/** For entries among which there is one that is no setsockopt. */
function applyOneByOne(socket: number, entries: readonly Entry[]): void {
  const applied: string[] = []
  for (const { option, checked } of entries) {
    try {
      if (option.apply !== undefined) option.apply(socket, checked)
      else setOne(socket, option, checked)
    } catch (error) {
      throw Object.assign(error as Error, { applied })
    }
    applied.push(option.name)
  }
}

function valueAt(at: number, option: Option): unknown {
  const { plain } = option
  const length = area.ints[(at >> 2) + 2] ?? 0
  if (plain === 'not') return option.layout.read(area, at + recordSize, length)
  const int = area.ints[(at + recordSize) >> 2] ?? 0
  // Not zero: macOS answers with the flag's own bit (SO_KEEPALIVE is 8).
  if (plain === 'switch') return int !== 0
  return plain === 'int' ? int : int >>> 0
}

/** Reads one option of a descriptor. */
export function getOne(socket: number, option: Option): unknown {
  begin(socket, 1)
  putRecord(recordsAt, option.level, option.number, option.size)
  const error = native.getBatch()
  if (error !== undefined) throw refused(error, 'getsockopt', option)
  return valueAt(recordsAt, option)
}

/** Reads options of a descriptor in one crossing, by name. */
export function getAll(socket: number, options: readonly Option[]): Record<string, unknown> {
  begin(socket, options.length)
  let at = recordsAt
  for (const option of options) {
    claimArea(at + recordSize + option.size)
    at = putRecord(at, option.level, option.number, option.size)
  }
  const error = native.getBatch()
  if (error !== undefined) {
    throw refusedIn(options, area.ints[failedAt] ?? 0, error, 'getsockopt')
  }
  const values: Record<string, unknown> = {}
  at = recordsAt
  for (const option of options) {
    values[option.name] = valueAt(at, option)
    at += recordSize + ((option.size + 7) & ~7)
  }
  return values
}

/** What `length` bytes at most the kernel has at a level and number; a negated error. */
export function getRaw(
  socket: number,
  level: number,
  number: number,
  length: number,
): Buffer | number {
  // A short value goes through the area, half of which is larger than any overshoot: Linux takes the length
  // of SO_GET_FILTER as a number of instructions, of which there are at most 32 KiB.
  if (firstValueAt + length > area.bytes.length / 2) {
    const bytes = Buffer.alloc(length)
    const written = native.getBytes(socket, level, number, bytes)
    return written < 0 ? written : bytes.subarray(0, Math.min(written, length))
  }
  begin(socket, 1)
  putRecord(recordsAt, level, number, length)
  const error = native.getBatch()
  if (error !== undefined) return error
  const written = Math.min(area.ints[(recordsAt >> 2) + 2] ?? 0, length)
  return Buffer.from(area.bytes.slice(firstValueAt, firstValueAt + written).buffer)
}

function refusedIn(
  options: readonly Option[],
  failed: number,
  errno: number,
  syscall: string,
  applied?: string[],
): Error {
  const option = options[failed]
  // The batch itself was malformed, which only a bug of ours can cause.
  if (option === undefined) return systemError(errno, syscall)
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
