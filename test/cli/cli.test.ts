/** The command line tool, as it is started: dist/, which npm test has just built. */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import net from 'node:net'
import { fileURLToPath } from 'node:url'
import { describe, expect, onTestFinished, test } from 'vitest'
import { listenWithBacklog } from '../../lib/index.js'
import { closeAtEnd, portOf } from '../support/sockets.js'

const main = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))

interface Ended {
  stdout: string
  stderr: string
  status: number | null
}

function cli(...args: string[]): Ended {
  return spawnSync(process.execPath, [main, ...args], { encoding: 'utf8', timeout: 30_000 })
}

describe('net-sockopt', () => {
  test('--help and --version', () => {
    expect(cli('--help')).toMatchObject({ status: 0, stderr: '' })
    for (const command of ['lab', 'doctor', 'options']) {
      expect(cli('--help').stdout).toContain(`  ${command} `)
      const { stdout, status } = cli(command, '--help')
      expect(stdout).toMatch(new RegExp(`^Usage: net-sockopt ${command}`))
      expect(status).toBe(0)
    }
    expect(cli('--version').stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
  })

  test.for([
    [[], 'Usage'],
    [['frobnicate'], 'no command "frobnicate"'],
    [['lab', '--bogus'], '--bogus'],
    [['lab', 'S9.9'], 'no scenario "S9.9"'],
    [['options', 'NO_SUCH_THING'], 'No option of'],
    [['options', '--port', 'http'], '"http" is no port'],
  ] as [string[], string][])('wrong use: %j ends with 2 and says why', ([args, words]) => {
    const { stdout, stderr, status } = cli(...args)
    expect(status).toBe(2)
    expect(stdout + stderr).toContain(words)
  })
})

describe('doctor', () => {
  test('tells where the binary is, and what hurts', () => {
    const report = JSON.parse(cli('doctor', '--json').stdout) as Record<string, any>
    expect(report.binary).toMatch(/\.node$/)
    expect(report.system).toContain(process.version)
  })

  test.skipIf(process.platform !== 'linux')('Linux: settings and counters', () => {
    const report = JSON.parse(cli('doctor', '--json').stdout) as Record<string, any>
    const somaxconn = report.settings.find(({ name }: any) => name === 'net.core.somaxconn')
    expect(Number(somaxconn.value)).toBeGreaterThan(0)
    expect(report.counters.ListenOverflows).toBeGreaterThanOrEqual(0)
  })

  const canUnshare = spawnSync('unshare', ['-Urn', 'true']).status === 0
  test.skipIf(!canUnshare)(
    'a somaxconn of 64 is called too short (skipped where unshare is refused)',
    () => {
      const script = 'echo 64 > /proc/sys/net/core/somaxconn && exec "$0" "$1" doctor --json'
      const { stdout } = spawnSync(
        'unshare',
        ['-Urn', 'sh', '-c', script, process.execPath, main],
        {
          encoding: 'utf8',
        },
      )
      const { settings } = JSON.parse(stdout) as { settings: any[] }
      const somaxconn = settings.find(({ name }) => name === 'net.core.somaxconn')
      expect(somaxconn).toMatchObject({ value: '64' })
      expect(somaxconn.advice).toContain('4096')
    },
  )
})

describe('options', () => {
  test('a pipe gets lines with tabs', () => {
    const lines = cli('options', 'keep').stdout.trim().split('\n')
    expect(lines[0]).toBe('option\tnumber\tvalue\twhat it is')
    expect(lines.map((line) => line.split('\t')[0])).toContain('SO_KEEPALIVE')
  })

  test.skipIf(process.platform !== 'linux')(
    'the values of a live listener of another process (Linux)',
    async () => {
      const server = net.createServer()
      closeAtEnd(server)
      await listenWithBacklog(server, {
        port: 0,
        host: '127.0.0.1',
        socketOptions: { TCP_KEEPIDLE: 77, SO_MARK: 0 },
        linger: 5000,
      })
      // The command is another process, which borrows the descriptor while this one runs its loop.
      const child = spawn(process.execPath, [
        main,
        'options',
        '--port',
        String(portOf(server)),
        '--json',
      ])
      onTestFinished(() => void child.kill())
      let output = ''
      child.stdout.on('data', (data: Buffer) => (output += data.toString()))
      await once(child, 'close')
      const { pid, values } = JSON.parse(output) as { pid: number; values: Record<string, unknown> }
      expect(pid).toBe(process.pid)
      expect(values).toMatchObject({ TCP_KEEPIDLE: 77, SO_LINGER: 5, SO_ACCEPTCONN: true })
    },
  )

  test('a port that nobody listens on', () => {
    const { stderr, status } = cli('options', '--port', '1')
    expect(status).toBe(2)
    expect(stderr).toMatch(/Nothing listens|Only Linux/)
  })
})

describe('lab', () => {
  test('--list shows every scenario, and runs none', () => {
    const lines = cli('lab', '--list').stdout.trim().split('\n')
    expect(lines.length).toBeGreaterThan(60)
    for (const document of ['S0', 'S1', 'S2', 'S3', 'S4']) {
      expect(lines.some((line) => line.startsWith(`${document}.`))).toBe(true)
    }
  })

  test('one scenario, with its details', () => {
    const { stdout, status } = cli('lab', 's2.1')
    expect(status).toBe(0)
    expect(stdout).toMatch(/^S2\.1\t.*\tas documented$/m)
    expect(stdout).toMatch(/connectMs: /)
    expect(stdout).toMatch(/^1 as documented$/m)
  })

  test('--json', () => {
    const { results, system } = JSON.parse(cli('lab', 'S2.1', 'S2.13', '--json').stdout)
    expect(system.node).toBe(process.version)
    expect(results.map(({ id, verdict }: any) => [id, verdict])).toEqual([
      ['S2.1', 'as documented'],
      ['S2.13', 'opinion'],
    ])
  })
})
