import { setTimeout as sleep } from 'node:timers/promises'

/** Waits until a condition holds; fails with the last value when it takes too long. */
export async function until<T>(
  read: () => T | Promise<T>,
  holds: (value: T) => boolean = Boolean,
  milliseconds = 5000,
): Promise<T> {
  const end = performance.now() + milliseconds
  for (;;) {
    const value = await read()
    if (holds(value)) return value
    if (performance.now() > end) {
      throw new Error(`still ${JSON.stringify(value)} after ${milliseconds} ms`)
    }
    await sleep(5)
  }
}
