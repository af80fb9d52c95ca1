/** Several processes on one port: what the example prints, whose numbers differ from run to run, adds up. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { isLinux } from '../support/system.js'

const example = fileURLToPath(new URL('../../examples/cluster-workers.js', import.meta.url))

const migrates =
  isLinux && readFileSync('/proc/sys/net/ipv4/tcp_migrate_req', 'utf8').trim() !== '0'

test.skipIf(!isLinux || migrates)(
  'four workers: every connection served; one killed, and only its own lost (Linux; skipped where tcp_migrate_req is set)',
  { retry: 1 },
  () => {
    const { stdout, stderr, status } = spawnSync(process.execPath, [example], { encoding: 'utf8' })
    expect(stderr).toBe('')
    expect(status).toBe(0)
    const pattern =
      /^200 connected: 80 served, 120 queued\n200 of 200 served, by 4 workers\nkilled one that served 20 and had (\d+) in its queue: (\d+) lost\nlost of those that another served: 0\nserved of the rest: (\d+) of (\d+)\nserved afterwards: 40 of 40\n$/
    expect(stdout).toMatch(pattern)
    const [queued = 0, lost = 0, served = 0, rest = 0] =
      pattern.exec(stdout)?.slice(1).map(Number) ?? []
    expect(lost).toBe(20 + queued)
    expect(served).toBe(rest)
    expect(rest).toBe(200 - lost)
  },
)
