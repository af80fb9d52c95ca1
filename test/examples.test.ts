import { spawn, spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, test } from 'vitest'
import { isLinux, isWindows, isWine } from './support/system.js'
import { percentile, verdict } from '../examples/backlog-demo/report.js'

const directory = new URL('../examples/', import.meta.url)
const linux = isLinux

interface Run {
  code: number | null
  /** All of stdout, and each piece of it with the time until it came. */
  stdout: string
  pieces: { at: number; text: string }[]
  stderr: string
  /** Milliseconds until the program and all that inherited its stdout had ended. */
  duration: number
}

/** A program at the other end of pipes; whatever exceeds the limit is killed and has no exit code. */
function run(file: string, limit: number): Promise<Run> {
  const started = performance.now()
  // A somaxconn below 4096 is no fault of the program.
  const args = ['--disable-warning=SOCKOPT_BACKLOG_CUT', fileURLToPath(new URL(file, directory))]
  const env = { ...process.env, NO_COLOR: '1', FORCE_COLOR: undefined, NODE_OPTIONS: undefined }
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
  const timer = setTimeout(() => child.kill('SIGKILL'), limit)
  const pieces: Run['pieces'] = []
  let stderr = ''
  child.stdout
    .setEncoding('utf8')
    .on('data', (text: string) => pieces.push({ at: performance.now() - started, text }))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => {
      clearTimeout(timer)
      const stdout = pieces.map(({ text }) => text).join('')
      resolve({ code, stdout, pieces, stderr, duration: performance.now() - started })
    })
  })
}

/** What an example must have printed, line by line. */
const facts: Record<string, (string | RegExp)[]> = {
  'dead-peer.js': [
    'kernel keeps, keep-alive: { idle: 10000, interval: 2000, count: 3 }',
    'kernel keeps, user timeout: 1000 ms',
    ...(linux ? [/^the request failed with ETIMEDOUT after [1-8]\.\d s$/] : []),
  ],
  'http-server.js': [
    'accepted socket, keep-alive: { idle: 30000, interval: 10000, count: 3 }',
    'accepted socket, user timeout: 30000 ms',
    'response: 200 hello',
    ...(linux
      ? ['TCP_DEFER_ACCEPT: 7 s', `accept queue: { length: 0, limit: ${limitOf(4096)} }`]
      : []),
  ],
  'reset-connections.js': [
    'close: the client sees the end of the stream',
    // Wine hides an RST from who reads only afterwards.
    ...(isWine ? [] : ['reset: the client sees ECONNRESET']),
    ...(linux
      ? ['close: the server keeps 1 in TIME_WAIT', 'reset: the server keeps 0 in TIME_WAIT']
      : []),
  ],
  'watch-queue.js': [
    'listening: { length: 0, limit: 5 }',
    '20 clients connect to a stalled server: { length: 6, limit: 5 }',
    'after setBacklog(server, 100): { length: 20, limit: 100 }',
    'accepted: 20 ERR_SOCKET_CLOSED',
  ],
}

/** Wine has neither keep-alive times nor a user timeout; the first that is missing ends these. */
const lacksInWine: Record<string, RegExp> = {
  'dead-peer.js': /Error: setsockopt ENOPROTOOPT TCP_(KEEP|MAXRT)/,
  'http-server.js': /Error: setsockopt ENOPROTOOPT TCP_(KEEP|MAXRT)/,
}

/** listen(2): a backlog above net.core.somaxconn is cut to it. */
function limitOf(backlog: number): number {
  return Math.min(backlog, Number(readFileSync('/proc/sys/net/core/somaxconn', 'utf8')))
}

const examples = readdirSync(directory).filter((file) => file.endsWith('.js'))

describe('examples', { timeout: isWine ? 50_000 : 20_000 }, () => {
  test.for(examples)('%s ends by itself and prints what it should', async (file, { skip }) => {
    skip(file === 'watch-queue.js' && !linux, 'its figures are those of the Linux accept queue')
    const { code, stdout, stderr } = await run(file, isWine ? 40_000 : 15_000)
    const lack = isWine ? lacksInWine[file] : undefined
    if (lack !== undefined) {
      expect(stderr).toMatch(lack)
      expect(code).toBe(1)
      return
    }
    expect(stderr).toBe('')
    expect(code).toBe(0)
    const lines = stdout.trimEnd().split('\n')
    for (const fact of facts[file] ?? [/\S/]) {
      const expected = typeof fact === 'string' ? fact : (expect.stringMatching(fact) as string)
      expect(lines).toContainEqual(expected)
    }
  })

  test('all facts belong to an example that exists', () => {
    expect(examples).toEqual(expect.arrayContaining(Object.keys(facts)))
  })
})

// Wine is not made for 2000 clients in 30 seconds.
describe.skipIf(isWine)('demo', () => {
  let demo: Run
  beforeAll(async () => {
    demo = await run('backlog-demo/demo.js', 30_000)
  }, 40_000)

  /** The cells of the table's row with that title, as numbers. */
  function row(title: string): number[] {
    const line = demo.stdout.split('\n').find((candidate) => candidate.startsWith(`│ ${title} `))
    const cells = line?.split('│').slice(2, -1) ?? []
    return cells.map((cell) => Number(cell.replaceAll(/,| ms/g, '')))
  }

  /** The queue's length in each line of progress. */
  function lengths(backlog: number, phase: string): number[] {
    const pattern = RegExp(`^backlog ${backlog} +${phase} .* queue +([\\d,]+) of`, 'gm')
    return Array.from(demo.stdout.matchAll(pattern), ([, length]) =>
      Number(length?.replaceAll(',', '')),
    )
  }

  test('ends by itself within 30 s, without a complaint', () => {
    expect(demo.stderr).toBe('')
    expect(demo.code).toBe(0)
    expect(demo.duration).toBeLessThan(30_000)
  })

  test('each connection is either served or lost', () => {
    const connections = Number(/^([\d,]+) clients/m.exec(demo.stdout)?.[1]?.replaceAll(',', ''))
    const served = row('connections served')
    const lost = row('connections lost (no response in 8 s)')
    expect(served.map((count, i) => count + Number(lost[i]))).toEqual([connections, connections])
    expect(served[1]).toBeGreaterThan(0)
  })

  test('times are in order', () => {
    for (const what of ['connect', 'response']) {
      const p50 = row(`${what} time p50`)
      const p99 = row(`${what} time p99`)
      expect(p50).toHaveLength(2)
      p50.forEach((ms, i) => {
        expect(ms).toBeGreaterThan(0)
        expect(p99[i]).toBeGreaterThanOrEqual(ms)
      })
    }
  })

  describe.skipIf(!linux)('on Linux, whose limits and counters are known', () => {
    test('the limit is the backlog, or somaxconn', () => {
      expect(row('queue limit')).toEqual([limitOf(511), limitOf(4096)])
    })

    test('the smaller queue is filled, and the kernel counts who found it full', () => {
      expect(row('queue peak')[0]).toBeGreaterThanOrEqual(limitOf(511))
      expect(row('ListenOverflows')[0]).toBeGreaterThan(0)
      expect(row('SyncookiesSent')).toEqual([expect.any(Number), expect.any(Number)])
      expect(row('SyncookiesSent')).not.toContain(NaN)
    })

    test.for([511, 4096])('progress with backlog %i: the queue fills, then drains', (backlog) => {
      const filling = lengths(backlog, 'stalled')
      expect(filling.length).toBeGreaterThan(1)
      expect(filling).toEqual(filling.toSorted((a, b) => a - b))
      expect(filling.at(-1)).toBeGreaterThan(0)
      expect(lengths(backlog, 'done')).toEqual([0])
    })
  })

  test('progress is visible while it runs', () => {
    const first = demo.pieces.find(({ text }) => text.includes('stalled'))
    // The other server's stall is still to come.
    expect(first?.at).toBeLessThan(demo.duration - 500)
  })

  test('the last line says what the backlog bought', () => {
    expect(demo.stdout.trimEnd().split('\n').at(-1)).toMatch(/backlog .*\.$/)
  })
})

test.skipIf(isWindows)('a demo that cannot run says why', () => {
  const demo = fileURLToPath(new URL('backlog-demo/demo.js', directory))
  const script = 'ulimit -n 90; exec "$0" "$1"'
  const { status, stderr } = spawnSync('sh', ['-c', script, process.execPath, demo])
  expect(stderr.toString()).toContain('The demo failed: "ulimit -n" is too small')
  expect(status).toBe(1)
})

describe("the demo's sentence", () => {
  const small = { backlog: 511, limit: 511, peak: 512, lost: 12, connect: { p50: 1020, p99: 3050 } }
  const large = { backlog: 4096, limit: 4096, peak: 2000, lost: 0, connect: { p50: 11, p99: 40 } }

  test('names all that became better', () => {
    expect(verdict(small, large)).toBe(
      'With a backlog of 4096 instead of 511, 0 connections were lost instead of 12, half of the clients ' +
        'connected within 11 ms instead of 1,020 ms and 99 % connected within 40 ms instead of 3,050 ms.',
    )
  })

  test('leaves out what did not', () => {
    expect(verdict({ ...small, lost: 0 }, { ...large, connect: { p50: 900, p99: 40 } })).toBe(
      'With a backlog of 4096 instead of 511, 99 % connected within 40 ms instead of 3,050 ms.',
    )
  })

  test('says that nothing changed, and why', () => {
    expect(verdict({ ...large, backlog: 511, limit: 511, peak: 100 }, large)).toBe(
      'With a backlog of 4096 instead of 511, nothing measurable changed here: the smaller queue never overflowed.',
    )
  })

  test('says that the kernel cut both', () => {
    expect(verdict({ ...small, limit: 128 }, { ...large, limit: 128 })).toBe(
      'The kernel gave both queues the limit 128, so the larger backlog bought nothing here.',
    )
  })
})

test.for([
  { values: [], percent: 50, expected: undefined },
  { values: [7], percent: 99, expected: 7 },
  { values: [30, 10, 20, 40], percent: 50, expected: 20 },
  { values: [30, 10, 20, 40], percent: 99, expected: 40 },
])('$percent % of $values do not exceed $expected', ({ values, percent, expected }) => {
  expect(percentile(values, percent)).toBe(expected)
})
