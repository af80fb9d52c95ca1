/** Nothing polls: what the event loop of a child process does while its listener has nothing to do. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { temporaryPath } from '../support/files.js'
import { Program } from '../support/program.js'
import { connected } from '../support/sockets.js'
import { isWindows } from '../support/system.js'

/** What the child's listener is doing meanwhile. */
const doings = {
  'nobody has asked': '',
  'accept() waits': 'void listener.accept().catch(() => {})',
  'a paused one, accept() waits': 'void listener.accept().catch(() => {}); listener.pause()',
  'paused after it waited':
    'void listener.accept().catch(() => {}); await sleep(20); listener.pause()',
  'a paused one that serves': 'listener.pause(); listener.serve(net.createServer())',
  'one that serves and is full':
    'listener.serve(net.createServer(), { maxConnections: 1 }); await full()',
} as const

const preface = `
  import net from 'node:net'
  import { once } from 'node:events'
  import { performance } from 'node:perf_hooks'
  import { writeSync } from 'node:fs'
  import { setTimeout as sleep } from 'node:timers/promises'
  import { TcpListener } from 'net-sockopt'
  const listener = await TcpListener.listen({ port: 0, host: '127.0.0.1', backlog: 100 })
  const { port } = listener.address()
  async function full() {
    const clients = [net.connect(port, '127.0.0.1'), net.connect(port, '127.0.0.1')]
    await Promise.all(clients.map((client) => once(client, 'connect')))
    while (listener.accepted < 1) await sleep(5)
    await sleep(50)
  }
`

/** Turns of the event loop and CPU time during a while in which the test's clients connect. */
function program(doing: string): string {
  return `${preface}
    ${doing}
    const told = once(process.stdin, 'data')
    await sleep(50)
    const before = performance.nodeTiming.uvMetricsInfo.loopCount
    const usage = process.cpuUsage()
    writeSync(1, port + '\\n')
    await told
    const turns = performance.nodeTiming.uvMetricsInfo.loopCount - before
    const { user, system } = process.cpuUsage(usage)
    // Windows does not tell the queue.
    const { length } = process.platform === 'win32' ? {} : listener.queue
    const { accepted } = listener
    writeSync(1, JSON.stringify({ turns, cpu: (user + system) / 1000, accepted, length }) + '\\n')
    process.exit()
  `
}

interface Report {
  turns: number
  cpu: number
  accepted: number
  /** Of the queue, where the system tells it. */
  length?: number
}

function expectWaiting({ length }: Report, expected: number, name?: string): void {
  expect(length, name).toBe(isWindows ? undefined : expected)
}

async function report(program: Program, clients: number): Promise<Report> {
  const port = Number(await program.line())
  for (let i = 0; i < clients; i++) {
    await connected({ port, host: '127.0.0.1' })
    // Apart, so that each would wake a loop that watches.
    await sleep(10)
  }
  await sleep(200)
  program.tell('enough')
  return JSON.parse(await program.line()) as Report
}

/** One turn ends with being told; another may be under way when the count begins. */
const mostTurns = 3

type Doing = keyof typeof doings

/** Children that run side by side, each with so many clients: what they report. */
async function reportsOf(names: Doing[], clients: number): Promise<[Doing, Report][]> {
  return Promise.all(
    names.map(async (name): Promise<[Doing, Report]> => {
      return [name, await report(new Program(program(doings[name])), clients)]
    }),
  )
}

test('a listener that nobody connects to takes no turn of the event loop', async () => {
  for (const [name, seen] of await reportsOf(['nobody has asked', 'accept() waits'], 0)) {
    expect(seen.turns, name).toBeLessThanOrEqual(mostTurns)
    expect(seen.cpu, name).toBeLessThan(100)
  }
})

describe('while 20 clients connect', () => {
  test('a listener that rests does not wake the event loop', async () => {
    const resting = (Object.keys(doings) as Doing[]).filter((name) => name !== 'accept() waits')
    for (const [name, seen] of await reportsOf(resting, 20)) {
      const isFull = name === 'one that serves and is full'
      expect(seen.turns, name).toBeLessThanOrEqual(mostTurns)
      expect(seen.accepted, name).toBe(isFull ? 1 : 0)
      expectWaiting(seen, isFull ? 21 : 20, name)
    }
  })

  test('one that accepts does: the measurement sees it', async () => {
    const loop = 'void (async () => { for await (const socket of listener) socket.destroy() })()'
    const seen = await report(new Program(program(loop)), 20)
    expect(seen.turns).toBeGreaterThan(10)
    expect(seen.accepted).toBe(20)
    expectWaiting(seen, 0)
  })

  test('after the last answer, once and no more', async () => {
    const first = 'void listener.accept(); net.connect(port, "127.0.0.1"); await sleep(20)'
    const seen = await report(new Program(program(first)), 20)
    expect(seen.turns).toBeLessThanOrEqual(mostTurns + 1)
    expect(seen.accepted).toBe(1)
    expectWaiting(seen, 20)
  })
})

const canTrace = spawnSync('strace', ['-o', '/dev/null', 'true']).status === 0

/** Lines of a trace in which a system call returned, between the two that print. */
function between(trace: string): string[] {
  const lines = trace.split('\n')
  const prints = lines.flatMap((line, i) => (line.includes(' write(1, ') ? [i] : []))
  return lines.slice(prints[0], prints[1])
}

describe.skipIf(!canTrace)(
  'the kernel sees the same (skipped where strace is missing or may not trace)',
  () => {
    test.for([
      ['a paused one, accept() waits', 0],
      ['nobody has asked', 0],
    ] as const)('%s: no accept4, one epoll_wait', async ([doing]) => {
      const file = temporaryPath('trace')
      const filter = 'trace=epoll_wait,epoll_pwait,epoll_pwait2,accept,accept4,write'
      const through = ['strace', '-f', '-e', filter, '-o', file]
      const child = new Program(program(doings[doing]), { through })
      await report(child, 20)
      await child.ended
      const calls = between(readFileSync(file, 'utf8'))
      expect(calls.filter((call) => call.includes('accept'))).toEqual([])
      const waits = calls.filter((call) => /epoll_p?wait/.test(call))
      expect(waits.length).toBeGreaterThan(0)
      expect(waits.length).toBeLessThanOrEqual(2 * mostTurns)
    })
  },
)
