/** A server that gets no processor time to accept. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { setUserTimeout } from '../../index.js'
import { countStates, tcpRows } from '../observers/proc-net-tcp.js'
import { until } from '../observers/until.js'
import type { Observation, Scenario } from '../scenario.js'
import { apart } from './apart.js'
import { Burst } from './burst.js'
import { cannotShow, compare } from './compare.js'

const program = fileURLToPath(new URL('busy-server.js', import.meta.url))

/** proc_pid_stat(5): the state stands after the name in brackets. */
function isStopped(pid: number): boolean {
  return readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') T ')
}

async function starvedServer(): Promise<Observation> {
  // Stopped, it would outlive us whatever happens to us.
  const options = ['--pdeathsig', 'KILL', process.execPath, program]
  const server = spawn('setpriv', options, { stdio: ['ignore', 'pipe', 'inherit'] })
  const lines: string[] = []
  const output = createInterface(server.stdout).on('line', (line) => lines.push(line))
  const hasStarted = await once(server, 'spawn').then(
    () => true,
    () => false,
  )
  if (!hasStarted) return cannotShow('needs setpriv(1) of util-linux')
  if (lines.length === 0) await once(output, 'line')
  const port = Number(lines.shift()?.split(' ')[1])
  const { pid = 0 } = server
  server.kill('SIGSTOP')
  await until(() => isStopped(pid))
  const burst = await new Burst(port, 8).settled()
  const impatient = new Burst(port, 1, (client) => setUserTimeout(client, 500))
  await impatient.reached(1, 'ETIMEDOUT')
  const rows = tcpRows(port)
  const established = countStates(rows.filter((row) => row.localPort === port)).ESTABLISHED ?? 0
  const synSent = countStates(rows).SYN_SENT ?? 0
  const acceptedWhileStopped = lines.length
  server.kill('SIGCONT')
  const accepted = await until(
    () => lines.length,
    (length) => length === 8,
  )
  server.kill('SIGKILL')
  const [timedOut] = impatient.outcomes
  return compare({
    asDocumented: established === 6 && synSent === 2 && timedOut === 'ETIMEDOUT',
    seen: `8 clients meet a stopped server with a backlog of 5: ${established} are ESTABLISHED, ${synSent} SYN_SENT, ${acceptedWhileStopped} accepted; one with a time limit of 500 ms gets ${timedOut} after ${impatient.times[0]} ms; when the server goes on it accepts ${accepted}`,
    data: {
      established,
      synSent,
      connected: burst.count('connected'),
      acceptedWhileStopped,
      timedOut,
      timedOutAfter: impatient.times[0],
      accepted,
    },
  })
}

export const starved: Scenario[] = [
  {
    id: 'S3.12',
    claim:
      'When a busy server does not get round to accept() and many clients come at once, clients time out.',
    of: 'Linux',
    documented: 'Linux: the queue fills, and connects beyond it time out.',
    platforms: ['linux'],
    ...apart,
    run: starvedServer,
  },
]
