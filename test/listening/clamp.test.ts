/** In a network namespace of its own, where somaxconn can be lowered without touching the machine's. */
import { execFileSync, spawnSync } from 'node:child_process'
import { expect, test } from 'vitest'

const canUnshare = spawnSync('unshare', ['-Urn', 'true']).status === 0

function inNamespace(script: string): { stdout: string; stderr: string; status: number | null } {
  const commands = `echo 64 > /proc/sys/net/core/somaxconn && ip link set lo up && exec "$0" --input-type=module -e "$1"`
  return spawnSync('unshare', ['-Urn', 'sh', '-c', commands, process.execPath, script], {
    encoding: 'utf8',
    cwd: new URL('../..', import.meta.url),
  })
}

const listenTwice = `
  import net from 'node:net'
  import { getAcceptQueue, listenWithBacklog } from 'net-sockopt'
  process.on('warning', (warning) => console.log(JSON.stringify({ ...warning, message: warning.message })))
  for (let i = 0; i < 2; i++) {
    const server = await listenWithBacklog(net.createServer(), { port: 0, backlog: 4096 })
    console.log(getAcceptQueue(server).limit)
    server.close()
  }
  const modest = await listenWithBacklog(net.createServer(), { port: 0, backlog: 64 })
  modest.close()
`

test.skipIf(!canUnshare)(
  'a backlog that somaxconn cut warns once, with both numbers and the sysctl (skipped where unshare is refused)',
  () => {
    const { stdout, stderr, status } = inNamespace(listenTwice)
    expect(status).toBe(0)
    const lines = stdout.trim().split('\n')
    expect(lines.filter((line) => line === '64')).toHaveLength(2)
    const warnings = lines.filter((line) => line.startsWith('{'))
    expect(warnings).toHaveLength(1)
    const warning = JSON.parse(warnings[0] ?? '') as { code: string; message: string }
    expect(warning.code).toBe('SOCKOPT_BACKLOG_CUT')
    expect(warning.message).toMatch(/4096.*64.*net\.core\.somaxconn/)
    expect(stderr.match(/SOCKOPT_BACKLOG_CUT/g)).toHaveLength(1)
  },
)

test.skipIf(!canUnshare)(
  'a backlog that fits does not warn (skipped where unshare is refused)',
  () => {
    const script = listenTwice.replace('backlog: 4096', 'backlog: 64')
    const { stdout, stderr, status } = inNamespace(script)
    expect(status).toBe(0)
    expect(stdout.trim().split('\n')).toEqual(['64', '64'])
    expect(stderr).toBe('')
  },
)

test.skipIf(!canUnshare)(
  'the machine’s own somaxconn is untouched (skipped where unshare is refused)',
  () => {
    const read = (): string => execFileSync('cat', ['/proc/sys/net/core/somaxconn']).toString()
    const before = read()
    inNamespace('')
    expect(read()).toBe(before)
  },
)
