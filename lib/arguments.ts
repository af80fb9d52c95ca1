/** Checks of what callers hand over. Each throws before anything has happened, and names the argument. */
import { invalidType, outOfRange } from './errors.js'

/** Throws unless `value` is a whole number within the limits. */
export function checkInteger(
  name: string,
  value: unknown,
  unit: string,
  min: number,
  max: number,
): asserts value is number {
  if (typeof value !== 'number') throw invalidType(name, `a number (${unit})`, value)
  if (!Number.isInteger(value)) throw outOfRange(name, `a whole number (${unit})`, value)
  if (value < min || value > max) throw outOfRange(name, `>= ${min} and <= ${max} (${unit})`, value)
}

/** Throws unless `value` is an object; `members` says which ones it should have. */
export function checkObject(name: string, value: unknown, members = ''): asserts value is object {
  if (typeof value === 'object' && value !== null) return
  throw invalidType(name, members === '' ? 'an object' : `an object { ${members} }`, value)
}

/** The longest time that setTimeout takes, in milliseconds: about 25 days. */
export const maxDelay = 2 ** 31 - 1

/** Throws unless `value` is a time that a timer can wait for. */
export function checkDelay(name: string, value: unknown): asserts value is number {
  checkInteger(name, value, 'milliseconds', 0, maxDelay)
}
