import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { describe, expect, test } from 'vitest'
import { probe } from '../support/probe-option.js'
import { isWindows } from '../support/system.js'

const program = fileURLToPath(new URL('worker-program.js', import.meta.url))

const names = [probe.name, isWindows ? probe.second : 'TCP_USER_TIMEOUT']

describe('worker threads', () => {
  test('four at once, each with sockets and a listener of its own', async () => {
    const workers = Array.from(
      { length: 4 },
      (_, i) => new Worker(program, { workerData: { names, number: 100 + i } }),
    )
    const reports = await Promise.all(
      workers.map(async (worker) => (await once(worker, 'message'))[0]),
    )
    expect(reports).toEqual(
      [100, 101, 102, 103].map((number) => ({ rounds: 200, wrong: 0, number, limit: number })),
    )
    await Promise.all(workers.map((worker) => worker.terminate()))
  })

  test('a worker that is terminated in the middle takes nothing with it', async () => {
    for (let i = 0; i < 10; i++) {
      const worker = new Worker(program, { workerData: { names, number: 100, rounds: Infinity } })
      await once(worker, 'online')
      await new Promise((resolve) => setTimeout(resolve, 20 * i))
      expect(await worker.terminate()).toBe(1)
    }
  })
})
