/** Connections that are established before anybody accepts them, and how many there can be. */
import { netstatLines } from '../observers/netstat.js'
import { tcpRows, type TcpRow } from '../observers/proc-net-tcp.js'
import { until } from '../observers/until.js'
import type { Observation, Scenario } from '../scenario.js'
import { apart } from './apart.js'
import { Burst, listen, portOf } from './burst.js'
import { compare } from './compare.js'

async function beforeAccept(): Promise<Observation> {
  const listener = await listen({ backlog: 5 })
  const port = portOf(listener)
  const burst = new Burst(port, 1)
  await burst.reached(1)
  burst.clients[0]?.write('data')
  const serverSide = (): TcpRow | undefined =>
    tcpRows(port).find((row) => row.localPort === port && row.state === 'ESTABLISHED')
  const row = await until(serverSide, (found) => found?.receiveQueue === 4)
  const [connect] = burst.outcomes
  const { accepted } = listener
  return compare({
    asDocumented: connect === 'connected' && accepted === 0 && row?.inode === 0,
    seen: `connect() succeeds (${connect}) after ${accepted} calls of accept(); the server's end is ${row?.state ?? 'not there'}, has no owner, and holds ${row?.receiveQueue} bytes from the client`,
    data: {
      connect,
      accepted,
      state: row?.state,
      hasOwner: row?.inode !== 0,
      receiveQueue: row?.receiveQueue,
    },
  })
}

async function establishedWith(backlog: number): Promise<{ backlog: number; established: number }> {
  const port = portOf(await listen({ backlog }))
  const burst = await new Burst(port, backlog + 3).settled()
  return { backlog, established: burst.count('connected') }
}

async function oneMoreThanTheBacklog(): Promise<Observation> {
  const results = await Promise.all([0, 1, 2, 5, 10].map(establishedWith))
  const established = Object.fromEntries(
    results.map((result) => [result.backlog, result.established]),
  )
  return compare({
    asDocumented: results.every((result) => result.established === result.backlog + 1),
    seen: results.map((result) => `listen(${result.backlog}): ${result.established}`).join(', '),
    data: { established },
  })
}

async function thePicture(): Promise<Observation> {
  const port = portOf(await listen({ backlog: 5 }))
  const burst = await new Burst(port, 7).settled()
  for (const client of burst.clients) client.write(Buffer.alloc(90))
  const rows = await until(
    () => tcpRows(port),
    (now) => now.filter(({ receiveQueue }) => receiveQueue === 90).length === 6,
  )
  const queued = rows.filter((row) => row.localPort === port && row.state === 'ESTABLISHED')
  const data = {
    listenReceiveQueue: rows.find(({ state }) => state === 'LISTEN')?.receiveQueue,
    queuedReceiveQueues: queued.map(({ receiveQueue }) => receiveQueue),
    queuedWithOwner: queued.filter(({ inode }) => inode !== 0).length,
    synSentSendQueues: rows
      .filter(({ state }) => state === 'SYN_SENT')
      .map(({ sendQueue }) => sendQueue),
  }
  const lines = netstatLines(port)
  const [first] = data.synSentSendQueues
  return compare({
    asDocumented:
      data.listenReceiveQueue === 6 &&
      data.queuedReceiveQueues.join() === '90,90,90,90,90,90' &&
      data.queuedWithOwner === 0 &&
      data.synSentSendQueues.join() === '1',
    seen: `LISTEN has Recv-Q ${data.listenReceiveQueue}; ${queued.length} queued connections have Recv-Q ${data.queuedReceiveQueues.join(', ')} and ${data.queuedWithOwner} an owner; ${data.synSentSendQueues.length} client is SYN_SENT with Send-Q ${first}`,
    data: { ...data, ...(lines && { netstat: lines }) },
  })
}

export const established: Scenario[] = [
  {
    id: 'S3.1',
    claim: 'A connection is established before the server calls accept().',
    of: 'Linux',
    documented: 'Linux: the handshake is done by the kernel; the client can send already.',
    platforms: ['linux'],
    ...apart,
    run: beforeAccept,
  },
  {
    id: 'S3.2',
    claim: 'listen(5) lets 6 connections become ESTABLISHED, one more than the backlog.',
    of: 'Linux',
    documented: 'Linux: the backlog plus one.',
    platforms: ['linux'],
    run: oneMoreThanTheBacklog,
  },
  {
    id: 'S3.3',
    claim:
      'netstat shows a full queue: 6 waiting at the listener, each with the 90 bytes its client sent and no owner, and a 7th client in SYN_SENT.',
    of: 'Linux',
    documented:
      'Linux: LISTEN with Recv-Q 6; 6 ESTABLISHED with Recv-Q 90 and `-` for the process; one SYN_SENT with Send-Q 1.',
    platforms: ['linux'],
    ...apart,
    run: thePicture,
  },
]
