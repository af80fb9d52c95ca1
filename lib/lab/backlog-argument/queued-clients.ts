/** What becomes of connections in the queue whose client has gone. */
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import type net from 'node:net'
import { resetConnection, type TcpListener } from '../../index.js'
import { platform } from '../../platform.js'
import { apart } from '../linux-backlog/apart.js'
import { Burst, listen, portOf } from '../linux-backlog/burst.js'
import { cannotShow, compare } from '../linux-backlog/compare.js'
import { tcpRows } from '../observers/proc-net-tcp.js'
import { until } from '../observers/until.js'
import type { Observation, Scenario } from '../scenario.js'
import { establishedAt } from './established-at.js'

interface Fate {
  data: string
  /** `'end'`, or an error's code. */
  ends: string
}

/** What a socket still delivers, and how it ends. */
async function fateOf(socket: net.Socket): Promise<Fate> {
  const fate = { data: '', ends: '' }
  socket.setEncoding('utf8').on('data', (text: string) => (fate.data += text))
  socket.once('end', () => (fate.ends ||= 'end'))
  socket.once('error', (error: NodeJS.ErrnoException) => (fate.ends = error.code ?? 'error'))
  await once(socket, 'close').catch(() => undefined)
  return fate
}

/** accept() until it has returned so many, or has nothing more to return. */
async function acceptAll(listener: TcpListener, count: number): Promise<Promise<Fate>[]> {
  const fates: Promise<Fate>[] = []
  try {
    const signal = AbortSignal.timeout(6000)
    // The socket reads at once, so its listeners must be there at once.
    while (fates.length < count) fates.push(fateOf(await listener.accept({ signal })))
  } catch (error) {
    if ((error as Error).name !== 'AbortError') throw error
  }
  return fates
}

async function killQueued(): Promise<Observation> {
  const listener = await listen({ backlog: 2 })
  const port = portOf(listener)
  const burst = new Burst(port, 3)
  await burst.reached(3)
  const before = await until(
    () => establishedAt(port),
    (count) => count === 3,
  )
  const clientErrors = burst.clients.map(async (client) => (await fateOf(client)).ends)
  const arguments_ = ['-tKH', 'state', 'established', 'sport', '=', `:${port}`]
  const { error, stdout } = spawnSync('ss', arguments_, { encoding: 'utf8' })
  if (error) return cannotShow('needs ss(8) of iproute2')
  if (stdout.trim() === '') {
    return cannotShow('ss -K killed nothing: the kernel is built without CONFIG_INET_DIAG_DESTROY')
  }
  const after = await until(
    () => establishedAt(port),
    (count) => count === 0,
  )
  const clients = await Promise.all(clientErrors)
  const { queue } = listener
  const next = await new Burst(port, 1).settled()
  const fates = await Promise.all(await acceptAll(listener, 3))
  return compare({
    asDocumented: before === 3 && after === 0,
    seen: `ESTABLISHED at the server: ${before} before ss -K, ${after} after; the clients get ${[...new Set(clients)].join(', ')}; the queue still counts ${queue.length}`,
    data: {
      before,
      after,
      clients,
      queue,
      nextConnect: next.outcomes[0],
      acceptedAfterwards: fates.map(({ ends }) => ends),
    },
  })
}

/** Fills a queue, has every client leave, and sees whether another gets in. */
async function leaveAndTry(leave: (client: net.Socket) => void) {
  const listener = await listen({ backlog: 2 })
  const port = portOf(listener)
  const burst = await new Burst(port, 4).settled()
  const queued = burst.count('connected')
  await until(
    () => establishedAt(port),
    (count) => count === queued,
  )
  burst.clients.forEach((client, i) => {
    if (burst.outcomes[i] === 'connected') leave(client)
    else client.destroy()
  })
  const established = await until(
    () => establishedAt(port),
    (count) => count === 0,
  )
  const next = await new Burst(port, 1).settled()
  const queue = platform === 'linux' ? listener.queue : undefined
  return { queued, established, queue, nextConnect: next.outcomes[0] }
}

async function noRoomAfterwards(): Promise<Observation> {
  const [reset, ended] = await Promise.all([
    leaveAndTry((client) => resetConnection(client)),
    leaveAndTry((client) => void client.destroy()),
  ])
  const isClosed = ({ queued, established, nextConnect }: typeof reset): boolean =>
    queued > 0 && established === 0 && nextConnect !== 'connected'
  const describeOne = ({ queued, established, queue, nextConnect }: typeof reset): string =>
    `${queued} queued, ${established} still ESTABLISHED after they left, ${queue === undefined ? '' : `${queue.length} still counted by the queue, `}next connect ${nextConnect}`
  return compare({
    asDocumented: isClosed(reset) && isClosed(ended),
    seen: `clients that leave with RST: ${describeOne(reset)}; with FIN: ${describeOne(ended)}`,
    data: { reset, ended },
  })
}

async function acceptTakesThemAll(): Promise<Observation> {
  const listener = await listen({ backlog: 3 })
  const port = portOf(listener)
  // One after the other, so that the order in the queue is known.
  const clients: net.Socket[] = []
  for (let i = 0; i < 4; i++) {
    const burst = new Burst(port, 1)
    await burst.reached(1)
    clients.push(...burst.clients)
  }
  const [resetWithData, reset, ended, alive] = clients as [
    net.Socket,
    net.Socket,
    net.Socket,
    net.Socket,
  ]
  for (const client of [resetWithData, ended, alive]) client.write('data')
  const unread = () =>
    tcpRows(port).filter((row) => row.state === 'ESTABLISHED' && row.receiveQueue === 4).length
  await until(unread, (count) => count === 3)
  resetConnection(resetWithData)
  resetConnection(reset)
  ended.destroy()
  await until(
    () => establishedAt(port),
    (count) => count === 1,
  )
  const { length: queued } = listener.queue
  const waiting = await new Burst(port, 1).settled()
  const outcomeBefore = waiting.outcomes[0]
  const began = performance.now()
  const accepted = await acceptAll(listener, 5)
  const admittedAfter = Math.round(performance.now() - began)
  alive.end()
  waiting.clients[0]?.end()
  const fates = await Promise.all(accepted)
  const names = ['reset with data', 'reset', 'ended', 'alive', 'waited for room']
  const [first, second, third, fourth] = fates
  return compare({
    asDocumented:
      queued === 4 &&
      accepted.length === 5 &&
      [first, third, fourth].every((fate) => fate?.data === 'data'),
    seen: `accept() returns all ${queued} that were queued (client reset after data: ${describe(first)}; reset: ${describe(second)}; ended: ${describe(third)}; alive: ${describe(fourth)}); the client that had to wait gets in after ${admittedAfter} ms`,
    data: {
      queued,
      accepted: accepted.length,
      fates: Object.fromEntries(fates.map((fate, i) => [names[i], fate])),
      outcomeBefore,
      admittedAfter,
    },
  })
}

function describe(fate: Fate | undefined): string {
  if (fate === undefined) return 'not accepted'
  return fate.data === '' ? fate.ends : `"${fate.data}", then ${fate.ends}`
}

export const queuedClients: Scenario[] = [
  {
    id: 'S0.4',
    claim: 'Killing queued connections from outside lowers the number of ESTABLISHED ones.',
    of: 'Windows',
    documented:
      'The entries vanish from the table, with tcpview on Windows as with ss -K on Linux.',
    platforms: ['linux'],
    namespace: {},
    run: killQueued,
  },
  {
    id: 'S0.5',
    claim:
      'When queued clients leave, the queue has no more room than before: a new client does not get in.',
    of: 'Windows',
    documented: 'The table is emptier, yet the next connect is not admitted.',
    ...apart,
    run: noRoomAfterwards,
  },
  {
    id: 'S0.6',
    claim: 'Only accept() takes a connection out of the queue, whatever has become of its client.',
    of: 'Windows',
    documented:
      'accept() returns each queued connection; the program then finds out which clients are gone.',
    platforms: ['linux'],
    ...apart,
    run: acceptTakesThemAll,
  },
  {
    id: 'S0.7',
    claim: 'A reader: "that is the same as pooling database connections".',
    of: 'any',
    documented: 'A comparison; there is nothing to see.',
  },
]
