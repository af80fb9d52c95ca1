/** What accept(2) may answer instead of a connection. In child processes, whose descriptors can be counted out. */
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import type net from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import type { Stale } from '../../lib/index.js'
import { Program, runProgram } from '../support/program.js'
import { connected } from '../support/sockets.js'
import { isWindows } from '../support/system.js'

// Not fewer, since Node opens many files at once while it loads modules; the programs use up the rest.
const limited = ['sh', '-c', 'ulimit -n 200; exec "$0" "$@"']

/** Does what it is told, a word per line, and answers with a line of JSON. */
const preface = (stale: Stale): string => `
  import net from 'node:net'
  import { closeSync, openSync, writeSync } from 'node:fs'
  import { performance } from 'node:perf_hooks'
  import { createInterface } from 'node:readline'
  import { TcpListener } from 'net-sockopt'
  const listener = await TcpListener.listen({ port: 0, host: '127.0.0.1', backlog: 100, stale: '${stale}' })
  const { port } = listener.address()
  const errors = []
  listener.on('acceptError', ({ code, syscall }) => errors.push(syscall + ' ' + code))
  const open = []
  const held = []
  function took(socket) {
    open.push(socket)
    socket.on('error', () => {}).on('close', () => open.splice(open.indexOf(socket), 1))
    socket.write('welcome')
  }
  const turns = () => performance.nodeTiming.uvMetricsInfo.loopCount
  let [loop, usage] = [turns(), process.cpuUsage()]
  const commands = {
    use(spare) {
      try {
        for (;;) held.push(openSync('/dev/null'))
      } catch {}
      for (let i = 0; i < spare; i++) closeSync(held.pop())
    },
    start() {
      ;[loop, usage] = [turns(), process.cpuUsage()]
    },
    report() {
      const { user, system } = process.cpuUsage(usage)
      const cpu = (user + system) / 1000
      return { errors, ...listener.queue, ...listener.counters, open: open.length, turns: turns() - loop, cpu }
    },
    endOne: () => void open[0].destroy(),
    free(count = held.length) {
      for (let i = 0; i < count; i++) closeSync(held.pop())
    },
    errors: () => errors,
    rest: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
    pause: () => void listener.pause(),
    resume: () => void listener.resume(),
    async close() {
      for (const socket of [...open]) socket.destroy()
      await listener.close()
      process.stdin.destroy()
    },
  }
  const say = (what) => writeSync(1, JSON.stringify(what ?? null) + '\\n')
  createInterface(process.stdin).on('line', async (line) => {
    const [name, count] = line.split(' ')
    say(await commands[name](count === undefined ? undefined : Number(count)))
  })
`

const takers = {
  serve: 'listener.serve(net.createServer(took))',
  'for await': 'void (async () => { for await (const socket of listener) took(socket) })()',
}

interface Report {
  errors: string[]
  length: number
  accepted: number
  droppedStale: number
  acceptErrors: number
  open: number
  turns: number
  cpu: number
}

class Child {
  readonly #program: Program
  port = 0

  constructor(taker: string, through: string[], stale: Stale = 'keep') {
    this.#program = new Program(`${preface(stale)}\n${taker}\nsay(port)`, { through })
  }

  async start(): Promise<this> {
    this.port = Number(await this.#program.line())
    return this
  }

  async do(command: string): Promise<unknown> {
    this.#program.tell(command)
    return JSON.parse(await this.#program.line()) as unknown
  }

  async report(): Promise<Report> {
    return (await this.do('report')) as Report
  }

  async until(holds: (report: Report) => boolean): Promise<Report> {
    for (let i = 0; ; i++) {
      const report = await this.report()
      if (holds(report)) return report
      if (i > 500) throw new Error(JSON.stringify(report))
      await sleep(10)
    }
  }

  async close(): Promise<void> {
    expect(await this.do('close')).toBe(null)
    expect((await this.#program.ended).status).toBe(0)
  }
}

async function clients(port: number, count: number): Promise<net.Socket[]> {
  const all: net.Socket[] = []
  for (let i = 0; i < count; i++) all.push(await connected({ port, host: '127.0.0.1' }))
  return all
}

/** Resolves when each of them has been greeted. */
async function greeted(sockets: net.Socket[]): Promise<void> {
  await Promise.all(sockets.map(async (socket) => (await once(socket, 'data'))[0] as unknown))
}

const limits = '(skipped on Windows, which has no limit to lower)'

describe.skipIf(isWindows).each(Object.entries(takers))(
  `no descriptor left (EMFILE) ${limits}: %s`,
  (_name, taker) => {
    test('all wait, it is said once, nothing spins, and all are served when there are some again', async () => {
      const child = await new Child(taker, limited).start()
      await child.do('use 2')
      const all = await clients(child.port, 8)
      const all8 = greeted(all)
      await child.until(({ accepted, length }) => accepted === 2 && length === 6)
      await child.do('start')
      await sleep(600)
      const short = await child.report()
      expect(short).toMatchObject({
        errors: ['accept EMFILE'],
        length: 6,
        accepted: 2,
        acceptErrors: 1,
      })
      // Tried again ten times a second; a loop that spins turns some hundred thousand times.
      expect(short.turns).toBeLessThan(50)
      expect(short.cpu).toBeLessThan(300)

      // One descriptor less in use is one connection more.
      await child.do('endOne')
      await child.until(({ accepted, length }) => accepted === 3 && length === 5)
      await child.do('free')
      await all8
      const served = await child.report()
      expect(served).toMatchObject({ length: 0, accepted: 8, open: 7 })

      // The next shortage is told again.
      const before = served.acceptErrors
      await child.do('use 0')
      const [late] = await clients(child.port, 1)
      const greeting = greeted(late ? [late] : [])
      await child.until(({ acceptErrors }) => acceptErrors === before + 1)
      await child.do('free')
      await greeting
      await child.close()
    })

    test('a shortage without a client, then one with: both are told', async () => {
      const child = await new Child(taker, limited).start()
      for (const expected of [1, 2]) {
        await child.do('pause')
        await child.do('use 0')
        await child.do('resume')
        await child.until(({ acceptErrors }) => acceptErrors === expected)
        await child.do('free')
        // So that the child, however slow, has tried again meanwhile.
        await child.do('rest 150')
      }
      await child.close()
    })

    test('closing while it is short leaves nothing behind that keeps the process alive', async () => {
      const child = await new Child(taker, limited).start()
      await child.do('use 0')
      await clients(child.port, 1)
      await child.until(({ acceptErrors }) => acceptErrors === 1)
      await child.close()
    })
  },
)

test.skipIf(isWindows)(
  `an unref()ed listener lets the process end in the middle of a shortage ${limits}`,
  async () => {
    const { status, stderr } = await runProgram(
      `
      import { openSync } from 'node:fs'
      import { TcpListener } from 'net-sockopt'
      const listener = await TcpListener.listen({ port: 0 })
      listener.unref().on('acceptError', () => process.exitCode = 7)
      try {
        for (;;) openSync('/dev/null')
      } catch {}
      void listener.accept()
    `,
      { through: limited },
    )
    expect(stderr).toBe('')
    expect(status).toBe(7)
  },
)

test.skipIf(isWindows)(
  `without a listener for it, a failure is a process warning ${limits}`,
  async () => {
    const { status, stderr } = await runProgram(
      `
      import { openSync } from 'node:fs'
      import { TcpListener } from 'net-sockopt'
      const listener = await TcpListener.listen({ port: 0 })
      listener.unref()
      try {
        for (;;) openSync('/dev/null')
      } catch {}
      void listener.accept()
    `,
      { through: limited },
    )
    expect(stderr).toContain('accept EMFILE')
    expect(status).toBe(0)
  },
)

const canInject =
  spawnSync('strace', ['-o', '/dev/null', '-e', 'inject=accept4:error=EPERM:when=1', 'true'])
    .status === 0

/** The kernel's answers to accept4(): so many times this error, then what it really has. */
function injecting(error: string, when: string): string[] {
  const inject = `inject=accept4:error=${error}:when=${when}`
  return ['strace', '-f', '-e', 'trace=accept4', '-e', inject, '-o', '/dev/null']
}

describe.skipIf(!canInject)(
  'errors of one connection (skipped where strace is missing or may not inject)',
  () => {
    test.for([
      'ECONNABORTED',
      'EPROTO',
      'ENETDOWN',
      'EHOSTUNREACH',
      'EOPNOTSUPP',
      'EPERM',
      'EINTR',
      'ECONNRESET',
    ])('%s skips that one, tells, and goes on with the next', async (error) => {
      const child = await new Child(takers.serve, injecting(error, '1')).start()
      await greeted(await clients(child.port, 2))
      const report = await child.report()
      expect(report).toMatchObject({ errors: [`accept ${error}`], acceptErrors: 1, accepted: 2 })
      await child.close()
    })

    test.for(['drop-reset', 'drop-ended'] as const)(
      'ECONNRESET, as Windows may answer, is a client that has gone: %s',
      async (stale) => {
        const child = await new Child(takers.serve, injecting('ECONNRESET', '1'), stale).start()
        await greeted(await clients(child.port, 2))
        const report = await child.report()
        expect(report).toMatchObject({ errors: [], acceptErrors: 0, droppedStale: 1, accepted: 2 })
        await child.close()
      },
    )

    test('for ever: the event loop goes on turning', async () => {
      const child = await new Child(takers.serve, injecting('ECONNABORTED', '1+')).start()
      const [client] = await clients(child.port, 1)
      await child.until(({ acceptErrors }) => acceptErrors > 100)
      client?.destroy()
      await child.close()
    })

    test.for(['ENFILE', 'ENOBUFS', 'ENOMEM'])('%s waits, like EMFILE', async (error) => {
      const child = await new Child(takers.serve, injecting(error, '1..3')).start()
      await greeted(await clients(child.port, 1))
      const report = await child.report()
      expect(report).toMatchObject({ errors: [`accept ${error}`], acceptErrors: 1, accepted: 1 })
      await child.close()
    })

    test.for(['EINVAL', 'EBADF'])(
      '%s, when the socket listens no more, is told once and does not spin',
      async (error) => {
        const child = await new Child(takers.serve, injecting(error, '1+')).start()
        await clients(child.port, 1)
        await child.until(({ acceptErrors }) => acceptErrors === 1)
        await child.do('start')
        await sleep(300)
        const report = await child.report()
        expect(report).toMatchObject({ errors: [`accept ${error}`], acceptErrors: 1 })
        expect(report.turns).toBeLessThan(50)
        await child.close()
      },
    )

    test("closing the listener in its 'acceptError' event", async () => {
      const closes = "listener.on('acceptError', () => void listener.close())"
      for (const error of ['ECONNABORTED', 'EMFILE']) {
        const taker = `${closes}\n${takers['for await']}`
        const child = await new Child(taker, injecting(error, '1+')).start()
        // The report would ask the queue of a closed listener.
        await sleep(100)
        expect(await child.do('errors')).toEqual([`accept ${error}`])
        await child.close()
      }
    })
  },
)
