/** What becomes of connections when their listener is closed. */
import net from 'node:net'
import type { TcpListenerOptions } from '../../index.js'
import { codeOf, connect, hear, judge, listen, portOf, queued, send } from '../not-accepted/ends.js'
import { until } from '../observers/until.js'
import type { Observation, Scenario } from '../scenario.js'

async function childrenSurvive(): Promise<Observation> {
  const listener = await listen()
  const port = portOf(listener)
  const client = await connect(listener)
  const accepted = await listener.accept()
  const waiting = [await connect(listener), await connect(listener)]
  const heard = waiting.map(hear)
  await queued(listener, waiting.length)
  await listener.close()
  const queuedClients = await until(
    () => heard.map(({ error }) => error ?? 'alive'),
    (now) => !now.includes('alive'),
  )
  const echoed = { toServer: await talk(client, accepted), toClient: await talk(accepted, client) }
  const newConnect = await connectTo(port)
  const rebind = {
    withoutReuseAddr: await listenAgain(port, { socketOptions: { SO_REUSEADDR: false } }),
    withReuseAddr: await listenAgain(port, {}),
  }
  const alive = echoed.toServer === 'hello' && echoed.toClient === 'hello'
  return judge(alive, {
    seen:
      `the accepted connection ${alive ? 'went on' : 'did not go on'} both ways; the queued clients got ` +
      `${queuedClients.join(' and ')}; a new connect ${newConnect}; listening on the port again ` +
      `${rebind.withoutReuseAddr} without SO_REUSEADDR, ${rebind.withReuseAddr} with it`,
    data: { echoed, queuedClients, newConnect, rebind },
  })
}

/** What one end hears of the other's word. */
async function talk(from: net.Socket, to: net.Socket): Promise<string> {
  const heard = hear(to)
  await send(from, 'hello')
  return until(() => heard.text)
}

async function connectTo(port: number): Promise<string> {
  return new Promise((resolve) => {
    net
      .connect(port, '127.0.0.1', () => resolve('connected'))
      .on('error', (error) => resolve(codeOf(error)))
  })
}

async function listenAgain(port: number, options: Partial<TcpListenerOptions>): Promise<string> {
  try {
    const again = await listen({ port, ...options })
    await again.close()
    return 'works'
  } catch (error) {
    return codeOf(error)
  }
}

export const scenarios: readonly Scenario[] = [
  {
    id: 'S4.12',
    claim: 'Are the accepted connections closed when their listener is closed?',
    of: 'Windows',
    documented:
      'Windows: the title of a related article, without an outcome. Linux: they live on; clients still in the queue are reset.',
    run: childrenSurvive,
  },
]
