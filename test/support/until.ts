import { until as lastSeen } from '../../lib/lab/observers/until.js'

/** Waits until a condition holds; fails with the last value when it takes too long. */
export async function until<T>(
  read: () => T | Promise<T>,
  holds: (value: T) => boolean = Boolean,
  milliseconds = 5000,
): Promise<T> {
  const value = await lastSeen(read, holds, milliseconds)
  if (holds(value)) return value
  throw new Error(`still ${JSON.stringify(value)} after ${milliseconds} ms`)
}
