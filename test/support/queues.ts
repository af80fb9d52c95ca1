/** What tests say about a listener's queue, where the system tells it and where it does not (Windows). */
import { expect } from 'vitest'
import { type AcceptQueue, getAcceptQueue, type SocketTarget } from '../../lib/index.js'
import { errorOf } from './errors.js'
import { isWindows } from './system.js'

/** The queue is so; on Windows: it cannot be asked. */
export function expectQueue(listener: SocketTarget, queue: Partial<AcceptQueue>): void {
  if (!isWindows) expect(getAcceptQueue(listener)).toMatchObject(queue)
  else expect(errorOf(() => getAcceptQueue(listener)).code).toBe('ENOPROTOOPT')
}

/** To wait for: so many are queued. Windows does not tell; tests that wait for nothing else sleep as well. */
export function mayHaveQueued(listener: SocketTarget, length: number): boolean {
  return isWindows || getAcceptQueue(listener).length === length
}
