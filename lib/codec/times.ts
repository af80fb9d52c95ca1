import { invalidType, outOfRange } from '../errors.js'
import { type Codec, type Layout, perPlatform } from './codec.js'
import { checkInteger, checkObject } from '../arguments.js'
import { littleEndian } from './numbers.js'
import { put, structs, take } from './structs.js'

function lingerLayout(
  struct: (typeof structs)['struct linger']['linux' | 'win32'],
  max: number,
): Layout<number | null> {
  const { l_onoff, l_linger } = struct.members
  return {
    size: struct.size,
    check(value, name) {
      if (value !== null) checkLinger(name, value, max)
      return value
    },
    write(area, at, value: number | null) {
      put(area, at, l_onoff, value === null ? 0 : 1)
      put(area, at, l_linger, value ?? 0)
      return struct.size
    },
    read(area, at) {
      // Off: Linux goes on returning the seconds of the last time it was on.
      return take(area, at, l_onoff) === 0 ? null : take(area, at, l_linger)
    },
  }
}

function checkLinger(name: string, value: unknown, max: number): void {
  if (typeof value !== 'number') throw invalidType(name, 'a number (seconds) or null (off)', value)
  checkInteger(name, value, 'seconds', 0, max)
}

/**
 * Seconds that close() may wait, or null for off. macOS keeps them as a short of 10 ms ticks
 * (`SO_LINGER_SEC` converts), so more than 327 s would wrap there (xnu bsd/kern/uipc_socket.c).
 */
export const linger: Codec<number | null> = perPlatform('seconds, or null for off', {
  linux: lingerLayout(structs['struct linger'].linux, 2 ** 31 - 1),
  darwin: lingerLayout(structs['struct linger'].darwin, 327),
  win32: lingerLayout(structs['struct linger'].win32, 65535),
})

/** `struct timeval`. */
export interface TimeValue {
  seconds: number
  /** 0 to 999999. Windows keeps whole milliseconds. */
  microseconds: number
}

function checkTimeValue(name: string, value: TimeValue, maxSeconds: number): TimeValue {
  checkObject(name, value, 'seconds, microseconds')
  const { seconds, microseconds } = value
  checkInteger(`${name}.seconds`, seconds, 'seconds', 0, maxSeconds)
  checkInteger(`${name}.microseconds`, microseconds, 'microseconds', 0, 999_999)
  return { seconds, microseconds }
}

function timevalLayout(
  struct: (typeof structs)['struct timeval']['linux' | 'darwin'],
): Layout<TimeValue> {
  const { tv_sec, tv_usec } = struct.members
  return {
    size: struct.size,
    check(value, name) {
      return checkTimeValue(name, value, Number.MAX_SAFE_INTEGER)
    },
    write(area, at, { seconds, microseconds }: TimeValue) {
      put(area, at, tv_sec, seconds)
      put(area, at, tv_usec, microseconds)
      return struct.size
    },
    read(area, at) {
      return { seconds: take(area, at, tv_sec), microseconds: take(area, at, tv_usec) }
    },
  }
}

/** Winsock's timeouts: a DWORD of milliseconds. */
const millisecondsOnly: Layout<TimeValue> = {
  size: 4,
  check(value, name) {
    const { seconds, microseconds } = checkTimeValue(name, value, 4_294_967)
    if (microseconds % 1000 !== 0) {
      const range = 'a multiple of 1000, since Windows keeps milliseconds'
      throw outOfRange(`${name}.microseconds`, range, microseconds)
    }
    const total = seconds * 1000 + microseconds / 1000
    checkInteger(name, total, 'milliseconds', 0, 2 ** 32 - 1)
    return total
  },
  write(area, at, total: number) {
    area.view.setUint32(at, total, littleEndian)
    return 4
  },
  read(area, at) {
    const total = area.view.getUint32(at, littleEndian)
    return { seconds: Math.floor(total / 1000), microseconds: (total % 1000) * 1000 }
  },
}

/** A `struct timeval`, or a DWORD of milliseconds on Windows. */
export const timeValue: Codec<TimeValue> = perPlatform('{ seconds, microseconds }', {
  linux: timevalLayout(structs['struct timeval'].linux),
  darwin: timevalLayout(structs['struct timeval'].darwin),
  win32: millisecondsOnly,
})
