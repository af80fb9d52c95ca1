import { setTimeout as sleep } from 'node:timers/promises'

/** Reads until the condition holds, at most so long. The last value either way: it is what was seen. */
export async function until<T>(
  read: () => T | Promise<T>,
  holds: (value: T) => boolean = Boolean,
  milliseconds = 5000,
): Promise<T> {
  const end = performance.now() + milliseconds
  for (;;) {
    const value = await read()
    if (holds(value) || performance.now() > end) return value
    await sleep(5)
  }
}
