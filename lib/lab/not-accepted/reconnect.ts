/** Does a new connection get the reply to the old one? */
import { resetConnection, type TcpListener } from '../../index.js'
import type net from 'node:net'
import { until } from '../observers/until.js'
import type { Observation, Scenario } from '../scenario.js'
import {
  clientEnd,
  codeOf,
  connect,
  hear,
  judge,
  listen,
  localPort,
  queued,
  send,
  serverReaches,
  stateOf,
} from './ends.js'
import { answer, occupant, oneSlotServer, type Taken, waitingClient } from './one-slot-server.js'

const why =
  'A reply belongs to the connection by which its request came. That one has no client any more, so the ' +
  'reply is answered with RST; a new connection is another one, even from the same port.'

async function replyAfterReconnect(): Promise<Observation> {
  const listener = await listen()
  const old = await waitingClient(listener, 1)
  const port = localPort(old)
  old.destroy()
  await serverReaches(listener, port, 'CLOSE_WAIT')
  const client = await connect(listener)
  const heard = hear(client)
  const oldReplies = await serveLeftover(listener)
  const received = await ask(client, heard, await take(listener))
  const afterReset = await fromSamePort(listener, 'reset')
  const afterEnd = await fromSamePort(listener, 'end')
  const stale = [received, afterReset.received, afterEnd.received].some((text) =>
    text?.includes('WELCOME'),
  )
  return judge(stale, {
    seen:
      `the old connection's first reply was ${oldReplies.join(', its second ')}; the new connection got ` +
      `${received}, the reply to its own request; from the same port ${shown(afterReset)} after a reset, ` +
      `${shown(afterEnd)} after an end`,
    why,
    data: { oldReplies, received, samePortAfterReset: afterReset, samePortAfterEnd: afterEnd },
  })
}

function shown({ connect: result, received }: SamePort): string {
  return received === undefined ? result : `also ${received}`
}

/** Accepts the leftover, which is first in the queue, and answers it twice. */
async function serveLeftover(listener: TcpListener): Promise<string[]> {
  const taken = await take(listener)
  await until(() => taken.results.length > 0)
  await until(() => stateOf(taken.socket) === 'CLOSE')
  return [...taken.results, await send(taken.socket, 'WELCOME')]
}

async function take(listener: TcpListener): Promise<Taken> {
  const socket = await listener.accept()
  socket.allowHalfOpen = true
  return answer(socket)
}

/** A request of the new connection itself: what it had received by the time of the reply. */
async function ask(
  client: net.Socket,
  heard: ReturnType<typeof hear>,
  taken: Taken,
): Promise<string> {
  client.write('TIME')
  await until(() => taken.results.length > 0)
  const text = await until(
    () => heard.text,
    (now) => now.endsWith('NOON'),
  )
  if (!text.endsWith('NOON')) throw new Error(`no reply to its own request, but "${text}"`)
  return text
}

interface SamePort {
  /** Of the second connect from the port. */
  connect: string
  /** Connections in the queue: the old one, and the new one with the same addresses and ports. */
  queued?: number
  /** What became of the reply to the old one, and what the new client received. */
  oldReply?: string | undefined
  received?: string
}

/** A client leaves, and another connects from its port. */
async function fromSamePort(listener: TcpListener, leave: 'end' | 'reset'): Promise<SamePort> {
  // It binds before it connects, so that Node sets SO_REUSEADDR: else the port cannot even be bound again.
  const old = await waitingClient(listener, 1)
  const port = localPort(old)
  if (leave === 'end') old.destroy()
  else resetConnection(old)
  await serverReaches(listener, port, leave === 'end' ? 'CLOSE_WAIT' : undefined)
  // While its FIN is not acknowledged, up to 40 ms, the connect would be EADDRNOTAVAIL.
  if (leave === 'end') await until(() => clientEnd(listener, port)?.state === 'FIN_WAIT2')
  const again = connect(listener, { localPort: port, localAddress: '127.0.0.1' })
  const client = await again.catch(codeOf)
  if (typeof client === 'string') return { connect: client }
  const heard = hear(client)
  const waiting = await queued(listener, 2)
  const leftover = await take(listener)
  const taken = await take(listener)
  const [oldReply] = await until(
    () => leftover.results,
    ({ length }) => length > 0,
  )
  const received = await ask(client, heard, taken)
  return { connect: 'connected', queued: waiting, oldReply, received }
}

async function nextRunAfterTimeout(): Promise<Observation> {
  const server = await oneSlotServer()
  const { listener, taken } = server
  const first = await occupant(server)
  const impatient = await waitingClient(listener, 1)
  const port = localPort(impatient)
  await new Promise<void>((resolve) => impatient.setTimeout(200, () => resolve()))
  impatient.destroy()
  await serverReaches(listener, port, 'CLOSE_WAIT')
  const nextRun = await connect(listener)
  const heard = hear(nextRun)
  await queued(listener, 2)
  first.end()
  await until(() => taken.length === 3)
  const stale = taken[1]
  const current = taken[2]
  if (stale === undefined || current === undefined) throw new Error('not all were accepted')
  const received = await ask(nextRun, heard, current)
  return judge(received.includes('WELCOME'), {
    seen:
      `the server answered the old ${stale.heard.text} (reply ${stale.results.join()}), and the next run got ` +
      `${received}, the reply to its own request and nothing else`,
    why,
    data: {
      oldRequest: stale.heard.text,
      oldReply: stale.results[0] ?? null,
      wasOld: stale.port === port,
      received,
    },
  })
}

export const scenarios: readonly Scenario[] = [
  {
    id: 'S2.6',
    claim:
      'A client that closes and connects again receives the reply to its old connection at once.',
    of: 'Windows',
    documented:
      'Windows: the old reply arrives right after the new connect. Linux: the new connection never gets it.',
    platforms: ['linux'],
    run: replyAfterReconnect,
  },
  {
    id: 'S2.11',
    claim:
      'The next run of a client that gave up waiting receives the reply to the login of the run before.',
    of: 'Windows',
    documented: 'Windows: the stale reply is received. Linux: it is not.',
    run: nextRunAfterTimeout,
  },
]
