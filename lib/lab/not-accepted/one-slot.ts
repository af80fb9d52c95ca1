/** A client that must wait because the server has room for one, and that leaves before its turn. */
import net from 'node:net'
import { once } from 'node:events'
import { resetConnection } from '../../index.js'
import { until } from '../observers/until.js'
import type { Observation, Scenario } from '../scenario.js'
import {
  connect,
  hear,
  judge,
  listen,
  localPort,
  lookAt,
  queued,
  send,
  serverEnd,
  serverReaches,
} from './ends.js'
import { canLoseFin, leftover } from './leftover.js'
import { answer, occupant, oneSlotServer, waitingClient } from './one-slot-server.js'

/** How long a client waits for its reply before it gives up. */
const patience = 300

async function connectedButUnanswered(): Promise<Observation> {
  const server = await oneSlotServer()
  await occupant(server)
  const waiting = await connect(server.listener)
  const heard = hear(waiting)
  const result = await send(waiting, 'LOGIN')
  waiting.setTimeout(patience)
  await Promise.race([once(waiting, 'timeout'), once(waiting, 'data')])
  const accepted = server.taken.length
  const unanswered = heard.text === '' && heard.error === undefined
  return judge(unanswered && accepted === 1, {
    seen:
      `the second client connected, its request was ${result}, and after ${patience} ms it had ` +
      `${heard.text.length} bytes of reply; the server had accepted ${accepted} connection`,
    data: { result, received: heard.text, error: heard.error ?? null, accepted },
  })
}

async function leavingUnnoticed(): Promise<Observation> {
  const server = await oneSlotServer()
  const { listener } = server
  await occupant(server)
  const ending = await waitingClient(listener, 1)
  const resetting = await waitingClient(listener, 2)
  const [endedPort, resetPort] = [localPort(ending), localPort(resetting)]
  const heard = hear(ending)
  ending.destroy()
  resetConnection(resetting)
  const states = (): unknown[] => [
    serverEnd(listener, endedPort)?.state ?? 'gone',
    serverEnd(listener, resetPort)?.state ?? 'gone',
  ]
  const [afterEnd, afterReset] = await until(states, (now) => now.join() === 'CLOSE_WAIT,gone')
  const queue = listener.queue.length
  const accepted = server.taken.length
  return judge(heard.error === undefined && queue === 2 && accepted === 1, {
    seen:
      `both clients were gone (their connections ${String(afterEnd)} after an end, ${String(afterReset)} after a reset), ` +
      `the queue still had ${queue}, and the server had had ${accepted} 'connection' event`,
    data: { afterEnd, afterReset, queue, accepted, clientError: heard.error ?? null },
  })
}

/** Of each kind. */
const leavers = 6

async function stayInTheQueue(): Promise<Observation> {
  const listener = await listen()
  const clients: net.Socket[] = []
  for (let i = 0; i < 2 * leavers; i++) clients.push(await connect(listener))
  const before = await queued(listener, clients.length)
  const ports = clients.map(localPort)
  for (const client of clients.slice(0, leavers)) client.destroy()
  for (const client of clients.slice(leavers)) resetConnection(client)
  const states = (): string[] => ports.map((port) => serverEnd(listener, port)?.state ?? 'gone')
  const left = await until(states, (now) => !now.includes('ESTABLISHED'))
  const after = listener.queue.length
  if (before !== ports.length || left.includes('ESTABLISHED')) throw new Error(left.join())
  const ended = left.filter((state) => state === 'CLOSE_WAIT').length
  const reset = left.filter((state) => state === 'gone').length
  return judge(after === 0, {
    seen: `${before} clients queued; after ${ended} had ended and ${reset} had reset, ${after} were still queued`,
    why: 'Linux takes a connection from the accept queue only by accept(), whatever has become of it.',
    data: { before, ended, reset, after },
  })
}

async function leftoverIsServed(): Promise<Observation> {
  const ended = await leftover()
  const reset = await leftoverOfReset()
  const served = ended.isLeftover && ended.request === 'LOGIN' && ended.results[0] === 'sent'
  return judge(served, {
    seen:
      `accept() returned the connection of the client that had left, its request was ${ended.request || 'nothing'}, ` +
      `the first reply was ${ended.results.join(', the second ')}; of one that had reset: ` +
      `state ${reset.state}, ${reset.readable} bytes to read, ${reset.error}`,
    data: { ended, reset },
  })
}

/** The same of a client that had reset its connection: what accept() shows. */
async function leftoverOfReset() {
  const listener = await listen()
  const client = await waitingClient(listener, 1)
  const port = localPort(client)
  resetConnection(client)
  await serverReaches(listener, port, undefined)
  const socket = await listener.accept()
  const found = lookAt(socket)
  const taken = answer(socket)
  await until(() => taken.heard.text !== '')
  return { ...found, request: taken.heard.text }
}

async function notOnlyLocal(): Promise<Observation> {
  if (!canLoseFin()) {
    const why = 'needs nft, to lose a packet as a link does'
    return { verdict: 'could not be shown here', seen: 'nothing', why, data: {} }
  }
  const loopback = await leftover()
  const linkLike = await leftover({ linkLike: true })
  const stays = (seen: typeof loopback): boolean => seen.isLeftover && seen.request === 'LOGIN'
  return judge(stays(loopback) && !stays(linkLike), {
    seen:
      `the leftover was ${stays(loopback) ? '' : 'not '}accepted with its request over 127.0.0.1, and ` +
      `${stays(linkLike) ? 'also' : 'not'} from 192.0.2.2 to 192.0.2.1 with an MTU of 1500 and a FIN that was lost and sent again ` +
      `(${linkLike.whileLost})`,
    why:
      'The accept queue does not know by which interface a connection came. Shown on the loopback interface with ' +
      'the addresses, packet size and loss of a link; two machines were not tried.',
    data: { loopback, linkLike },
  })
}

export const scenarios: readonly Scenario[] = [
  {
    id: 'S2.7',
    claim:
      'With room for one client and a backlog of 100, a second one connects and gets no answer.',
    of: 'Windows',
    documented: 'Windows, Linux: Success at the client, then no reply.',
    run: connectedButUnanswered,
  },
  {
    id: 'S2.8',
    claim: 'The waiting client can disconnect, and the server does not notice.',
    of: 'Windows',
    documented: 'Windows, Linux: the disconnect succeeds, the server sees nothing.',
    platforms: ['linux'],
    run: leavingUnnoticed,
  },
  {
    id: 'S2.9',
    claim: 'A client that disconnects is normally removed from the backlog.',
    of: 'Windows',
    documented:
      'Windows: supposed to be removed; in the author’s own case it was not. Linux: never removed.',
    platforms: ['linux'],
    run: stayInTheQueue,
  },
  {
    id: 'S2.10',
    claim:
      'When there is room, the connection of a client that has left is accepted and its request processed.',
    of: 'Windows',
    documented: 'Windows, Linux: the leftover is accepted, its request processed, a reply sent.',
    platforms: ['linux'],
    run: leftoverIsServed,
  },
  {
    id: 'S2.12',
    claim: 'The leftover is there only because client and server are on the same machine.',
    of: 'Windows',
    documented: 'Windows: the author’s guess. Linux: it has nothing to do with that.',
    platforms: ['linux'],
    namespace: {},
    run: notOnlyLocal,
  },
]
