import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { fork } from 'node:child_process'
import net from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { listenWithBacklog } from '../../lib/index.js'
import { rejectionOf } from '../support/errors.js'
import { isWindows } from '../support/system.js'

const program = fileURLToPath(new URL('cluster-program.js', import.meta.url))

/** Runs a cluster whose workers do what `mode` says; what each of them reported. */
async function reportsOf(mode: string, policy: 'rr' | 'none' = 'rr'): Promise<unknown[]> {
  const primary = fork(program, [mode], {
    env: { ...process.env, NODE_CLUSTER_SCHED_POLICY: policy },
  })
  onTestFinished(() => void primary.kill())
  const reports: unknown[] = []
  primary.on('message', (message) => reports.push(message))
  const [status] = (await once(primary, 'exit')) as [number]
  expect(status).toBe(0)
  return reports
}

// Under Wine a process takes seconds to start.
describe('a cluster worker', { timeout: isWindows ? 60_000 : 20_000 }, () => {
  test('round robin: its server has no socket of its own, and the error says the ways out', async () => {
    for (const report of await reportsOf('shared')) {
      expect(report).toMatchObject({ code: 'ERR_SOCKET_SHARED' })
      expect((report as Error).message).toMatch(/reusePort: true.*exclusive: true/)
    }
  })

  test('a shared handle (SCHED_NONE) is a socket like any other', async () => {
    expect(await reportsOf('shared', 'none')).toEqual([{ linger: 3000 }, { linger: 3000 }])
  })

  test('accepted sockets work in both', async () => {
    expect(await reportsOf('accepted')).toEqual([{ linger: 3000 }])
  })

  test('an exclusive server of Node’s own', async () => {
    expect(await reportsOf('exclusive')).toEqual([{ linger: 3000 }])
  })

  test('listenWithBacklog without reusePort or exclusive refuses by that name', async () => {
    for (const report of await reportsOf('listen')) {
      expect(report).toMatchObject({ code: 'ERR_SOCKET_SHARED' })
      expect((report as Error).message).toMatch(/reusePort: true.*exclusive: true/)
    }
  })

  test.runIf(isWindows)('listenWithBacklog with reusePort is refused on Windows', async () => {
    const options = { port: 0, host: '127.0.0.1', reusePort: true }
    const error = await rejectionOf(listenWithBacklog(net.createServer(), options))
    expect(error).toMatchObject({ code: 'EOPNOTSUPP', option: 'reusePort' })
  })

  test.skipIf(isWindows)(
    'listenWithBacklog with reusePort: a socket for each worker, and the kernel balances',
    async () => {
      const reports = (await reportsOf('reusePort')) as { limit: number; served: number }[]
      expect(reports.map(({ limit }) => limit)).toEqual([7, 7])
      expect(reports.reduce((sum, { served }) => sum + served, 0)).toBe(40)
      // 40 connections all to one of two sockets: once in 2^39 runs.
      expect(reports.every(({ served }) => served > 0)).toBe(true)
    },
  )

  test('listenWithBacklog with exclusive: the second worker cannot have the port', async () => {
    const reports = await reportsOf('listenExclusive')
    const first = isWindows ? { port: expect.any(Number) as number } : { limit: 7 }
    expect(reports).toContainEqual(expect.objectContaining(first))
    expect(reports).toContainEqual(expect.objectContaining({ code: 'EADDRINUSE' }))
  })
})
