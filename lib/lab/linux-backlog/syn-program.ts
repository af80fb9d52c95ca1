/**
 * A client at a full queue, with the times of its SYNs. A process of its own, since two of them run beside each other
 * with different settings: `node syn-program.js '{ "watch": 10000, "retries": 1 }'`, in a network namespace of its own.
 */
import net from 'node:net'
import { setOption } from '../../index.js'
import { Capture } from '../observers/capture.js'
import { countersSince } from '../observers/netstat-counters.js'
import { until } from '../observers/until.js'
import { Burst, listen, portOf } from './burst.js'

export interface SynQuestion {
  /** Milliseconds after which the client is left alone, should it still try. */
  watch: number
  /** Or after so many SYNs. */
  syns?: number
  /** TCP_SYNCNT; left out: tcp_syn_retries. */
  retries?: number
}

export interface SynAnswer {
  /** Milliseconds from the first to each: by tcpdump's clock, or where it cannot be had by our own. */
  synTimes: number[]
  outcome: string
  /** When the outcome came. */
  milliseconds: number
}

const { watch, syns = Infinity, retries } = JSON.parse(process.argv[2] ?? '') as SynQuestion
const port = portOf(await listen({ backlog: 0 }))
await new Burst(port, 1).reached(1)

const capture = await Capture.start(port)
// The queue is full, so each SYN is one more drop.
const dropped = countersSince('ListenDrops')
const client = net.connect(port, '127.0.0.1')
const began = performance.now()
const since = (): number => Math.round(performance.now() - began)
if (retries !== undefined) setOption(client, 'TCP_SYNCNT', retries)
const answer: SynAnswer = { synTimes: [], outcome: 'waiting', milliseconds: watch }
const end = (outcome: string): void =>
  void Object.assign(answer, { outcome, milliseconds: since() })
client.once('connect', () => end('connected'))
client.once('error', ({ code }: NodeJS.ErrnoException) => end(code ?? 'error'))

await until(
  () => {
    while (answer.synTimes.length < dropped().ListenDrops) answer.synTimes.push(since())
    return answer
  },
  ({ outcome, synTimes }) => outcome !== 'waiting' || synTimes.length >= syns,
  watch,
)
const packets = await capture.stop()
if (capture.refusal === undefined) {
  answer.synTimes = packets.slice(0, syns).map(({ time }) => Math.round(time))
}
process.stdout.write(JSON.stringify(answer))
process.exit(0)
