/** Disconnect: DisconnectEx on Windows, connect(AF_UNSPEC) elsewhere; our disconnect(). */
import { disconnect, setLinger } from '../../index.js'
import { compare } from '../linux-backlog/compare.js'
import type { Observation, Scenario } from '../scenario.js'
import {
  connected,
  type Ends,
  listener,
  receive,
  type Received,
  repeat,
  tally,
  timeWaitsAt,
  portOf,
  privately,
  watch,
  write,
} from './closing.js'

const rounds = 20
const mebibyte = 2 ** 20

async function disconnectAfterSending({ client, server }: Ends): Promise<Received> {
  const reading = receive(server)
  setLinger(client, 0)
  client.write('test')
  disconnect(client)
  return reading
}

/** The server has not accepted yet when the client disconnects, so it reads nothing meanwhile. */
async function disconnectWhileQueued(data: Buffer): Promise<Received> {
  const server = await listener()
  const client = await connected(server)
  setLinger(client, 0)
  await write(client, data)
  disconnect(client)
  const received = await receive(await server.accept())
  await timeWaitsAt(portOf(server))
  await server.close()
  return received
}

async function disconnects(): Promise<Observation> {
  const closing = await watch(disconnectAfterSending)
  const { results, timeWait } = await repeat(rounds, disconnectAfterSending)
  const large: Received[] = []
  for (let i = 0; i < 3; i++) large.push(await disconnectWhileQueued(Buffer.alloc(mebibyte)))
  const complete = results.filter(({ bytes }) => bytes === 4).length
  const ends = tally(results.map(({ end }) => end))
  const cut = large.filter(({ bytes }) => bytes < mebibyte).length
  const waiting = timeWait.client + timeWait.server
  return compare({
    asDocumented: waiting === 0 && complete === rounds && ends.EOF === rounds && cut === 0,
    seen:
      `${waiting} of ${rounds} TIME_WAIT; 4 bytes: ${complete} of ${rounds} complete, then ${Object.keys(ends).join(' or ')}; ` +
      `1 MiB that the server does not read yet: ${cut} of ${large.length} cut short, at ${large[0]?.bytes} bytes`,
    why:
      waiting === 0 && ends.ECONNRESET === rounds
        ? 'Linux has no DisconnectEx; connect(AF_UNSPEC) sends RST at once, and drops what the peer has no room for yet'
        : undefined,
    data: {
      connections: rounds,
      timeWait,
      small: { complete, end: ends },
      large: { complete: large.length - cut, bytes: large.map(({ bytes }) => bytes) },
      ...closing,
    },
  })
}

/** Shutdown, then Disconnect: at once, or when the server has ended too. */
async function shutdownAndDisconnect(
  { client, server }: Ends,
  afterEnd: boolean,
): Promise<Received> {
  const reading = receive(server)
  // Within the event: after it Node closes a socket of which both directions have ended.
  client.once(afterEnd ? 'end' : 'finish', () => disconnect(client))
  client.resume()
  client.end('test')
  return reading
}

async function shutdownFirst(): Promise<Observation> {
  const options = { allowHalfOpen: true }
  const atOnce = await repeat(rounds, (ends) => shutdownAndDisconnect(ends, false), options)
  const afterEnd = await repeat(rounds, (ends) => shutdownAndDisconnect(ends, true), options)
  const closing = await watch((ends) => shutdownAndDisconnect(ends, true), options)
  const all = [...atOnce.results, ...afterEnd.results]
  const complete = all.filter(({ bytes, end }) => bytes === 4 && end === 'EOF').length
  return compare({
    asDocumented: complete === all.length,
    seen:
      `${complete} of ${all.length} complete, with an end; TIME_WAIT is left of ${atOnce.timeWait.client} of ${rounds} ` +
      `when Disconnect follows at once (a race with the server's end), of ${afterEnd.timeWait.client} when it waits for the server's end`,
    data: {
      complete,
      connections: all.length,
      timeWait: { atOnce: atOnce.timeWait, afterEnd: afterEnd.timeWait },
      ...closing,
    },
  })
}

export const scenarios: readonly Scenario[] = [
  {
    id: 'S1.14',
    claim:
      'With SO_LINGER on and 0 seconds, Disconnect leaves no TIME_WAIT, and the server still gets everything sent before.',
    of: 'Windows',
    documented: 'no TIME_WAIT; the server receives all, without an error',
    ...privately,
    run: disconnects,
  },
  {
    id: 'S1.15',
    claim: 'Shutdown before Disconnect makes sure that all data arrives.',
    of: 'Windows',
    documented: 'all data sent and received',
    ...privately,
    run: shutdownFirst,
  },
]
