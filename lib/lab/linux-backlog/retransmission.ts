/** A client at a full queue: its SYNs, and when it gives up. */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { setUserTimeout } from '../../index.js'
import { Capture, ladder } from '../observers/capture.js'
import { countersSince } from '../observers/netstat-counters.js'
import { hasSysctl, sysctlNumber } from '../observers/sysctl.js'
import { until } from '../observers/until.js'
import type { Observation, Scenario } from '../scenario.js'
import { Burst, listen, portOf } from './burst.js'
import { cannotShow, compare, isAbout } from './compare.js'
import type { SynAnswer, SynQuestion } from './syn-program.js'

const linearName = 'ipv4.tcp_syn_linear_timeouts'
const program = fileURLToPath(new URL('syn-program.js', import.meta.url))

/** How often the kernel sends the first SYNs one second apart before it doubles; before Linux 6.5 it never did. */
function linearTimeouts(): number {
  return hasSysctl(linearName) ? sysctlNumber(linearName) : 0
}

/** The program in a namespace below ours, with that setting. */
async function ask(question: SynQuestion, linear: number): Promise<SynAnswer> {
  const set = hasSysctl(linearName)
    ? `echo ${linear} > /proc/sys/net/${linearName.replace('.', '/')} && `
    : ''
  const script = `ip link set lo up && ${set}exec "$@"`
  const command = [process.execPath, program, JSON.stringify(question)]
  const { stdout } = await promisify(execFile)('unshare', [
    '-n',
    'sh',
    '-c',
    script,
    'sh',
    ...command,
  ])
  return JSON.parse(stdout) as SynAnswer
}

/** This system's way, and beside it the way that only doubles, as the document has it. */
async function askBoth(question: SynQuestion) {
  const linear = linearTimeouts()
  const [here, doubling] = await Promise.all([
    ask(question, linear),
    linear === 0 ? undefined : ask(question, 0),
  ])
  return { linear, here, doubling: doubling ?? here }
}

/** 0, 1, 3, 7 ... seconds: every wait twice as long as the one before. */
function doublingTimes(retries: number): number[] {
  return Array.from({ length: retries + 1 }, (_, i) => 1000 * (2 ** i - 1))
}

function follows(times: readonly number[], expected: readonly number[]): boolean {
  return (
    times.length === expected.length &&
    times.every((time, i) => i === 0 || isAbout(time, expected[i] ?? 0))
  )
}

const inSeconds = (times: readonly number[]): string =>
  times.map((time) => (time / 1000).toFixed(1)).join(', ')

function whyLinear(linear: number): string | undefined {
  if (linear === 0) return undefined
  return `since Linux 6.5 a SYN is first repeated tcp_syn_linear_timeouts (here ${linear}) times one second apart, and only then with doubled waits`
}

/** A full queue, and a client that it leaves out, in sight of a capture. */
async function captured(repetitions: number) {
  const port = portOf(await listen({ backlog: 0 }))
  await new Burst(port, 1).reached(1)
  const capture = await Capture.start(port)
  const retransmitted = countersSince('TCPSynRetrans')
  const burst = new Burst(port, 1)
  if (capture.refusal === undefined) {
    await until(
      () => capture.packets.length,
      (length) => length > repetitions,
    )
  }
  const packets = await capture.stop()
  return {
    refusal: capture.refusal,
    packets,
    retransmitted: retransmitted().TCPSynRetrans,
    outcome: burst.outcomes[0],
  }
}

async function noSynAck(): Promise<Observation> {
  const { refusal, packets, outcome } = await captured(1)
  if (refusal !== undefined) return cannotShow(refusal)
  const syns = packets.filter(({ flags, from }) => flags === 'S' && from === 'client').length
  const answers = packets.filter(({ from }) => from === 'server').length
  return compare({
    asDocumented: syns >= 2 && answers === 0 && outcome === 'waiting',
    seen: `${ladder(packets)}: ${syns} SYNs, ${answers} answers in ${packets.at(-1)?.time} ms`,
    data: { ladder: ladder(packets), syns, answers, outcome },
  })
}

async function synTimes({ slow }: { slow: boolean }): Promise<Observation> {
  // In full: the last SYN goes out after 69 seconds, and the connect fails much later (S3.6).
  const { linear, here, doubling } = await askBoth(
    slow ? { watch: 75_000 } : { watch: 6000, syns: 3 },
  )
  const expected = doublingTimes(slow ? 6 : 2)
  return compare({
    asDocumented: follows(here.synTimes, expected),
    seen: `SYNs after ${inSeconds(here.synTimes)} s; with tcp_syn_linear_timeouts = 0 after ${inSeconds(doubling.synTimes)} s`,
    why: whyLinear(linear),
    data: {
      linear,
      documented: expected,
      here: here.synTimes,
      doubling: doubling.synTimes,
      doublingAsDocumented: follows(doubling.synTimes, expected),
    },
  })
}

/** The whole wait with the system's own tcp_syn_retries, or one with a single retry as its small model. */
async function whenItGivesUp({ slow }: { slow: boolean }): Promise<Observation> {
  const retries = slow ? 6 : 1
  const question: SynQuestion = slow ? { watch: 200_000 } : { watch: 10_000, retries }
  const port = portOf(await listen({ backlog: 0 }))
  await new Burst(port, 1).reached(1)
  const limited = new Burst(port, 1, (client) => setUserTimeout(client, 500))
  const [{ linear, here, doubling }] = await Promise.all([
    askBoth(question),
    limited.reached(1, 'ETIMEDOUT', 5000),
  ])
  const documented = 1000 * (2 ** (retries + 1) - 1)
  const what = slow ? 'connect() fails' : 'with TCP_SYNCNT 1 connect() fails'
  return compare({
    asDocumented:
      here.outcome === 'ETIMEDOUT' &&
      here.synTimes.length === retries + 1 &&
      isAbout(here.milliseconds, documented),
    seen: `${what} with ${here.outcome} after ${inSeconds([here.milliseconds])} s and ${here.synTimes.length} SYNs; with tcp_syn_linear_timeouts = 0 after ${inSeconds([doubling.milliseconds])} s and ${doubling.synTimes.length} SYNs; with a user timeout of 500 ms after ${inSeconds([limited.times[0] ?? NaN])} s`,
    why: whyLinear(linear),
    data: {
      linear,
      documented: { milliseconds: documented, syns: retries + 1 },
      here,
      doubling,
      userTimeout500: { outcome: limited.outcomes[0], milliseconds: limited.times[0] },
    },
  })
}

async function retransmissionsInCapture(): Promise<Observation> {
  const { refusal, packets, retransmitted } = await captured(2)
  if (refusal !== undefined) return cannotShow(refusal)
  const times = packets.map(({ time }) => Math.round(time))
  return compare({
    asDocumented:
      packets.length >= 3 &&
      packets.every(({ flags }) => flags === 'S') &&
      retransmitted === packets.length - 1,
    seen: `${ladder(packets)} after ${inSeconds(times)} s; the counter TCPSynRetrans moves by ${retransmitted}`,
    data: { ladder: ladder(packets), times, retransmitted },
  })
}

export const retransmission: Scenario[] = [
  {
    id: 'S3.4',
    claim: 'A client that finds the queue full sends its SYN and gets no answer.',
    of: 'Linux',
    documented: 'Linux: no SYN+ACK; the client stays in SYN_SENT.',
    platforms: ['linux'],
    namespace: {},
    run: noSynAck,
  },
  {
    id: 'S3.5',
    claim: 'It sends its SYN again after 1 second, then after 2, 4, 8, 16, 32 and 64.',
    of: 'Linux',
    documented: 'Linux: SYNs after 0, 1, 3, 7, 15, 31 and 63 seconds.',
    platforms: ['linux'],
    namespace: {},
    run: synTimes,
    slowSeconds: 76,
  },
  {
    id: 'S3.6',
    claim: 'After 1+2+4+8+16+32+64 = 127 seconds its connect() fails with ETIMEDOUT.',
    of: 'Linux',
    documented: 'Linux: "Connection timed out" after 127 seconds (2m8.755s by the clock).',
    platforms: ['linux'],
    namespace: {},
    run: whenItGivesUp,
    slowSeconds: 140,
  },
  {
    id: 'S3.7',
    claim: 'The repeated SYNs can be seen in a packet capture.',
    of: 'Linux',
    documented: 'Linux: Wireshark marks them as TCP Retransmission.',
    platforms: ['linux'],
    namespace: {},
    run: retransmissionsInCapture,
  },
]
