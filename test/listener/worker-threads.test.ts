import { once } from 'node:events'
import net from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { describe, expect, onTestFinished, test } from 'vitest'
import { openedSince, openSockets } from '../support/descriptors.js'
import { listenerFor } from '../support/listeners.js'
import { destroyAtEnd } from '../support/sockets.js'
import { isLinux, isWine } from '../support/system.js'
import { until } from '../support/until.js'

const program = fileURLToPath(new URL('worker-program.js', import.meta.url))

/** How often each ending is tried. A thread takes a second to start under Wine. */
const rounds = isWine
  ? { behind: 1, connecting: 2, ends: 2, threads: 2 }
  : { behind: 3, connecting: 4, ends: 5, threads: 4 }

interface Thread {
  worker: Worker
  port: number
  threadId: number
  exited: Promise<unknown[]>
}

async function start(doing: string, port = 0): Promise<Thread> {
  const worker = new Worker(program, { workerData: { doing, port } })
  const exited = once(worker, 'exit')
  onTestFinished(() => void worker.terminate())
  const [message] = (await once(worker, 'message')) as [{ port: number; threadId: number }]
  return { worker, exited, ...message }
}

async function ask(port: number): Promise<string> {
  const client = net.connect(port, '127.0.0.1')
  destroyAtEnd(client)
  return String(Buffer.concat((await client.toArray()) as Buffer[]))
}

/** No socket of the thread listens there any more. */
async function expectFree(port: number): Promise<void> {
  const own = await listenerFor({ port })
  await own.close()
}

describe('worker threads', () => {
  test.runIf(isLinux).for(['serve', 'for await'])(
    'four on one port (Linux), every connection is answered: %s',
    async (doing) => {
      const first = await start(doing)
      const threads = [first]
      for (let i = 0; i < 3; i++) threads.push(await start(doing, first.port))
      const answers = await Promise.all(Array.from({ length: 80 }, () => ask(first.port)))
      const names = threads.map(({ threadId }) => `thread ${threadId}`)
      for (const answer of answers) expect(names).toContain(answer)
      // 80 connections, and one of four gets none: once in 2.5 * 10^9 runs.
      expect(new Set(answers).size).toBe(4)
      await Promise.all(threads.map(({ worker }) => worker.terminate()))
    },
  )

  test.for(['serve', 'for await'])(
    'several, each on a port of its own, every connection is answered by its own: %s',
    async (doing) => {
      const threads: Thread[] = []
      for (let i = 0; i < rounds.threads; i++) threads.push(await start(doing))
      await Promise.all(
        threads.map(async ({ port, threadId }) => {
          const answers = await Promise.all(Array.from({ length: 20 }, () => ask(port)))
          expect(answers).toEqual(Array(20).fill(`thread ${threadId}`))
        }),
      )
      await Promise.all(threads.map(({ worker }) => worker.terminate()))
    },
  )

  const doings = ['serve', 'serve, full', 'accept', 'for await', 'pause', 'nothing']

  test.for(doings)('one that is terminated leaves nothing behind: %s', async (doing) => {
    const before = openSockets()
    for (let i = 0; i < rounds.behind; i++) {
      const { worker, port } = await start(doing)
      const clients = Array.from({ length: 3 }, () => net.connect(port, '127.0.0.1'))
      await Promise.all(clients.map((client) => once(client, 'connect')))
      for (const client of clients) client.on('error', () => undefined).resume()
      await sleep(50)
      await worker.terminate()
      for (const client of clients) client.destroy()
      await expectFree(port)
    }
    await until(
      () => openedSince(before),
      (left) => left.length === 0,
    )
  })

  test.for(doings)('one that is terminated while clients connect: %s', async (doing) => {
    for (let i = 0; i < rounds.connecting; i++) {
      const { worker, exited, port } = await start(doing)
      const clients = Array.from({ length: 3 }, () => net.connect(port, '127.0.0.1'))
      for (const client of clients) client.on('error', () => undefined)
      if (i % 2 === 1) await Promise.race([once(clients[0] ?? worker, 'connect'), exited])
      await worker.terminate()
      for (const client of clients) client.destroy()
      await expectFree(port)
    }
  })

  test.for(['unref', 'end at once'])('one that ends by itself: %s', async (doing) => {
    const before = openSockets()
    for (let i = 0; i < rounds.ends; i++) {
      const { exited } = await start(doing)
      expect(await exited).toEqual([0])
    }
    await until(
      () => openedSince(before),
      (left) => left.length === 0,
    )
  })
})
