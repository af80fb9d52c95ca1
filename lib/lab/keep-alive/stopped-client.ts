/** A client whose process is stopped, by a debugger for example: its kernel goes on answering. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import net from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { getOption, setUserTimeout } from '../../index.js'
import { hear, judge, listen, portOf, serverEnd, stateOf } from '../not-accepted/ends.js'
import { countersSince } from '../observers/netstat-counters.js'
import { until } from '../observers/until.js'
import type { Observation, Scenario } from '../scenario.js'
import { inSeconds, setting } from './connection.js'

const program = fileURLToPath(new URL('idle-client.js', import.meta.url))

/** With these an unanswered connection would have died instead of the second probe. */
const chosen = setting(1, 1, 1)
const probes = 3

async function stoppedClient({ slow }: { slow: boolean }): Promise<Observation> {
  const listener = await listen({ keepAlive: chosen })
  const child = startClient(portOf(listener))
  try {
    const failed = once(child, 'exit').catch(() => undefined)
    const accepted = await Promise.race([listener.accept(), failed])
    if (!(accepted instanceof net.Socket)) {
      const why = 'needs setpriv of util-linux, so that no stopped process is left behind'
      return { verdict: 'could not be shown here', seen: 'nothing', why, data: {} }
    }
    const heard = hear(accepted)
    child.kill('SIGSTOP')
    const process = await until(
      () => processState(child),
      (state) => state === 'T',
    )
    const moved = countersSince('TCPKeepAlive')
    const began = performance.now()
    const sent = await until(
      () => moved().TCPKeepAlive,
      (now) => now >= probes,
    )
    const ms = Math.round(performance.now() - began)
    // Until the answer to the last probe has been dealt with.
    const unanswered = await until(
      () => getOption(accepted, 'TCP_INFO')[probesOut],
      (now) => now === 0,
    )
    const idle = {
      process,
      sent,
      ms,
      unanswered,
      state: stateOf(accepted),
      error: heard.error ?? null,
    }
    const stuffed = slow ? await stuff(accepted) : null
    const alive = idle.state === 'ESTABLISHED' && sent >= probes && unanswered === 0
    return judge(alive && process === 'T', {
      seen:
        `${sent} probes in ${inSeconds(ms)} to a process in state ${process}, ${unanswered} without an answer: ` +
        idle.state +
        (stuffed === null ? '' : `; ${stuffed.text}`),
      data: { ...idle, stuffed },
    })
  } finally {
    child.kill('SIGKILL')
  }
}

/** Offset of tcpi_probes in struct tcp_info (linux/tcp.h): probes sent since the last answer. */
const probesOut = 3

/** It is killed with us, whatever we die of: nobody else would wake it. */
function startClient(port: number): ChildProcess {
  const command = [process.execPath, program, String(port)]
  return spawn('setpriv', ['--pdeathsig', 'KILL', ...command], { stdio: 'ignore' })
}

/** `'T'` for stopped (proc_pid_stat(5)). */
function processState({ pid }: ChildProcess): string {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  return stat.slice(stat.lastIndexOf(')') + 2).charAt(0)
}

/** Sends until nothing more is taken; the kernel answers probes of its closed window, too. Then TCP_USER_TIMEOUT. */
async function stuff(accepted: net.Socket) {
  accepted.write(Buffer.alloc(32 * 1024 * 1024))
  await sleep(8000)
  const clientPort = accepted.remotePort ?? 0
  const taken = serverEnd(accepted.localPort ?? 0, clientPort)?.sendQueue ?? 0
  const state = stateOf(accepted)
  setUserTimeout(accepted, 2000)
  const began = performance.now()
  const [error] = (await once(accepted, 'error')) as [NodeJS.ErrnoException]
  const afterMs = Math.round(performance.now() - began)
  const text =
    `with ${taken} bytes stuck it was ${state} 8 s later; after TCP_USER_TIMEOUT had been set to 2000 ` +
    `${error.code} in ${inSeconds(afterMs)}`
  return { taken, state, error: error.code, afterMs, text }
}

export const scenarios: readonly Scenario[] = [
  {
    id: 'S4.11',
    claim: 'Does keep-alive end the connection of a client whose process is stopped?',
    of: 'Windows',
    documented:
      'Windows: the title of a related article, without an outcome. Linux: no, its kernel answers the probes.',
    platforms: ['linux'],
    namespace: {},
    slowSeconds: 20,
    run: stoppedClient,
  },
]
