/** What a client can do before anybody accepts it. */
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import net from 'node:net'
import { getOption, ioctl } from '../../index.js'
import { until } from '../observers/until.js'
import type { Observation, Scenario } from '../scenario.js'
import {
  clientEnd,
  connect,
  hear,
  judge,
  listen,
  localPort,
  queued,
  send,
  serverEnd,
} from './ends.js'

async function connectWithoutAccept(): Promise<Observation> {
  const listener = await listen()
  const began = performance.now()
  const client = await connect(listener)
  const connectMs = Math.round((performance.now() - began) * 10) / 10
  const error = getOption(client, 'SO_ERROR')
  const { accepted } = listener
  return judge(error === 0 && accepted === 0, {
    seen: `'connect' after ${connectMs} ms, SO_ERROR ${error}, while the server had accepted ${accepted} connections`,
    data: { connectMs, error, accepted },
  })
}

async function noEventAtTheServer(): Promise<Observation> {
  let events = 0
  const server = net.createServer(() => events++)
  const listener = (await listen()).pause()
  listener.serve(server)
  const client = await connect(listener)
  const port = localPort(client)
  const queue = await queued(listener, 1)
  const before = { events, queue, inode: serverEnd(listener, port)?.inode }
  listener.resume()
  await until(() => events === 1)
  const after = {
    events,
    queue: listener.queue.length,
    owned: (serverEnd(listener, port)?.inode ?? 0) > 0,
  }
  const unaware = before.events === 0 && before.queue === 1 && before.inode === 0
  return judge(unaware && after.events === 1, {
    seen:
      `${before.events} 'connection' events and ${before.queue} connection in the queue, which no process owns ` +
      `(inode ${before.inode}); ${after.events} event once it was accepted`,
    data: { before, after },
  })
}

async function establishedWhileQueued(): Promise<Observation> {
  const listener = await listen()
  const client = await connect(listener)
  const queue = await queued(listener, 1)
  const port = localPort(client)
  const states = {
    client: clientEnd(listener, port)?.state,
    server: serverEnd(listener, port)?.state,
  }
  const { accepted } = listener
  const established = states.client === 'ESTABLISHED' && states.server === 'ESTABLISHED'
  return judge(established && queue === 1 && accepted === 0, {
    seen: `client ${states.client}, the server's end ${states.server}, with ${queue} connection queued and ${accepted} accepted`,
    data: { states, queue, accepted },
  })
}

const request = 'LOGIN minttea\r\n'

/** More than the kernel takes: what it does take shows how much can wait. */
const tooMuch = 32 * 1024 * 1024

async function dataWaits(): Promise<Observation> {
  const listener = await listen()
  const client = await connect(listener)
  const port = localPort(client)
  const result = await send(client, request)
  const waiting = (): number => serverEnd(listener, port)?.receiveQueue ?? 0
  await until(() => waiting() === request.length)
  const small = { result, waiting: waiting(), unacknowledged: ioctl(client, 'SIOCOUTQ') }
  client.write(Buffer.alloc(tooMuch))
  const taken = await settled(() => waiting() + (clientEnd(listener, port)?.sendQueue ?? 0))
  const { accepted } = listener
  const much = { taken, atServer: waiting() }
  const waits = small.waiting === request.length && small.unacknowledged === 0
  return judge(result === 'sent' && waits && accepted === 0, {
    seen:
      `${small.waiting} of ${request.length} bytes wait with the unaccepted connection, acknowledged; ` +
      `of a large write the kernel took ${much.taken} bytes, ${much.atServer} of them at the server's end`,
    data: { small, much, accepted },
  })
}

/** A number once it has stopped growing. */
async function settled(read: () => number): Promise<number> {
  let last = -1
  let same = 0
  return until(read, (now) => {
    same = now === last ? same + 1 : 0
    last = now
    return same >= 20
  })
}

async function deliveredOnAccept(): Promise<Observation> {
  const listener = await listen()
  const payload = randomBytes(4 * 1024 * 1024)
  const client = await connect(listener)
  const heard = hear(client)
  client.end(payload)
  const port = localPort(client)
  const waited = await settled(() => serverEnd(listener, port)?.receiveQueue ?? 0)
  const socket = await listener.accept()
  const digest = createHash('sha256')
  let received = 0
  socket.on('data', (data) => {
    received += data.length
    digest.update(data)
  })
  await once(socket, 'end')
  const intact = digest.digest('hex') === createHash('sha256').update(payload).digest('hex')
  return judge(intact && waited > 0, {
    seen: `${received} of ${payload.length} bytes read after accept(), ${waited} of which had waited at the server's end`,
    data: { sent: payload.length, waited, received, intact, clientError: heard.error ?? null },
  })
}

export const scenarios: readonly Scenario[] = [
  {
    id: 'S2.1',
    claim: 'A client’s connect succeeds although the server has not accepted it.',
    of: 'Windows',
    documented: 'Windows: the connect callback runs, with Success. Linux: the same.',
    run: connectWithoutAccept,
  },
  {
    id: 'S2.2',
    claim: 'The server does not count a client that is queued as connected.',
    of: 'Windows',
    documented:
      'Windows: no accept callback. Linux: no event, and the connection belongs to nobody.',
    platforms: ['linux'],
    run: noEventAtTheServer,
  },
  {
    id: 'S2.3',
    claim: 'For the client, being in the backlog is being connected.',
    of: 'Windows',
    documented: 'Windows, Linux: ESTABLISHED at the client while it is queued.',
    platforms: ['linux'],
    run: establishedWhileQueued,
  },
  {
    id: 'S2.4',
    claim: 'A client can send before it is accepted; the data waits with the queued connection.',
    of: 'Windows',
    documented: 'Windows, Linux: send succeeds, the data is pending at the server.',
    platforms: ['linux'],
    run: dataWaits,
  },
  {
    id: 'S2.5',
    claim: 'What a client sent before it was accepted is delivered once it is.',
    of: 'Windows',
    documented: 'Windows, Linux: all of the data is received after accept.',
    platforms: ['linux'],
    run: deliveredOnAccept,
  },
]
