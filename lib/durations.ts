/** Helpers speak milliseconds, as node:net does; many options are kept in whole seconds. */
import { checkInteger } from './arguments.js'
import { outOfRange } from './errors.js'

/** Milliseconds as the seconds that an option keeps. Never rounded: what is no whole second is refused. */
export function wholeSeconds(name: string, milliseconds: unknown): number {
  checkInteger(name, milliseconds, 'milliseconds', 0, Number.MAX_SAFE_INTEGER)
  if (milliseconds % 1000 === 0) return milliseconds / 1000
  const below = milliseconds - (milliseconds % 1000)
  const range =
    milliseconds < 1000
      ? `a multiple of 1000, since the kernel keeps whole seconds: ${milliseconds} seconds are ${milliseconds * 1000}`
      : `a multiple of 1000, since the kernel keeps whole seconds: ${below} or ${below + 1000}`
  throw outOfRange(name, range, milliseconds)
}
