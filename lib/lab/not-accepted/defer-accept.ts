/** A remedy on Linux: connections that say nothing are kept out of the accept queue. */
import { resetConnection } from '../../index.js'
import { until } from '../observers/until.js'
import type { Observation, Scenario } from '../scenario.js'
import { connect, judge, listen, localPort, queued, serverEnd } from './ends.js'

/** Seconds: short for the idle client, which is to be seen queued; long where that must not be mistaken. */
const [short, long] = [1, 30]

async function deferAccept(): Promise<Observation> {
  const [idle, reset, end] = await Promise.all([idleClient(), resettingClient(), endingClient()])
  const helps = idle.state === 'SYN_RECV' && reset.state === 'gone' && reset.queue === 0
  return judge(helps, {
    seen:
      `an idle client stays ${idle.state} and is queued after ${idle.queuedAfterMs} ms; one that resets is ` +
      `${reset.queue === 0 ? 'never ' : ''}queued; one that ends is queued within ${end.withinMs} ms`,
    data: { idle, reset, end },
  })
}

async function connectTo(seconds: number) {
  const listener = await listen({ socketOptions: { TCP_DEFER_ACCEPT: seconds } })
  const client = await connect(listener)
  const port = localPort(client)
  const state = (): string => serverEnd(listener, port)?.state ?? 'gone'
  return { listener, client, state, connectedAt: performance.now() }
}

function since(time: number): number {
  return Math.round(performance.now() - time)
}

async function idleClient() {
  const { listener, state, connectedAt } = await connectTo(short)
  const first = state()
  const queue = await queued(listener, 1)
  return { state: first, queuedAfterMs: since(connectedAt), stateLater: state(), queue }
}

async function resettingClient() {
  const { listener, client, state } = await connectTo(long)
  resetConnection(client)
  const last = await until(state, (now) => now === 'gone')
  return { state: last, queue: listener.queue.length }
}

async function endingClient() {
  const { listener, client } = await connectTo(long)
  const began = performance.now()
  client.destroy()
  const queue = await queued(listener, 1)
  return { queue, withinMs: since(began) }
}

export const scenarios: readonly Scenario[] = [
  {
    id: 'S2.X1',
    claim: 'TCP_DEFER_ACCEPT keeps clients that send nothing out of the accept queue.',
    of: 'Linux',
    documented:
      'Linux: in part. An idle client waits as SYN_RECV and is queued after the time set; one that resets is ' +
      'never queued; one that ends is.',
    platforms: ['linux'],
    run: deferAccept,
  },
]
