/** The packets of every way to close that the document speaks of, and of those that this library adds. */
import { once } from 'node:events'
import {
  closeLingering,
  closeWithoutTimeWait,
  disconnect,
  resetConnection,
  setLinger,
  setOption,
} from '../../index.js'
import { cannotShow, compare } from '../linux-backlog/compare.js'
import { Capture, ladder } from '../observers/capture.js'
import { tcpRows } from '../observers/proc-net-tcp.js'
import { until } from '../observers/until.js'
import type { Observation, Scenario } from '../scenario.js'
import {
  type ConnectOptions,
  type Ends,
  leftOf,
  listener,
  pair,
  portOf,
  receive,
  statesOfEnds,
} from './closing.js'
import { exchange } from './last-read.js'
import { deafen } from './linger.js'
import { endAndReset } from './without-time-wait.js'

interface Way {
  name: string
  close: (ends: Ends) => unknown
  /** What must follow the handshake; a FIN may be acknowledged by itself or with the other's FIN. */
  packets: RegExp
  left:
    'TIME_WAIT at the client' | 'TIME_WAIT at the server' | 'FIN_WAIT1 at the client' | 'nothing'
  options?: ConnectOptions
}

/** 4 bytes that the server has read. */
async function sendTest({ client, server }: Ends): Promise<void> {
  client.write('test')
  await once(server.resume(), 'data')
}

async function serverIs(state: string, ends: Ends): Promise<void> {
  await until(() => statesOfEnds(ends.ports).server === state)
}

const ways: readonly Way[] = [
  {
    name: 'the client closes first',
    close: async (ends) => {
      await sendTest(ends)
      ends.client.destroy()
    },
    packets: /^>PA\(4\) <A >FA (<A )?<FA >A$/,
    left: 'TIME_WAIT at the client',
  },
  {
    name: 'the server closes first',
    close: async (ends) => {
      await sendTest(ends)
      ends.client.resume()
      ends.server.destroy()
    },
    packets: /^>PA\(4\) <A <FA (>A )?>FA <A$/,
    left: 'TIME_WAIT at the server',
  },
  {
    name: 'close with linger 0',
    close: async (ends) => {
      setLinger(ends.client, 0)
      await sendTest(ends)
      ends.client.destroy()
    },
    packets: /^>PA\(4\) <A >RA$/,
    left: 'nothing',
  },
  {
    name: 'resetConnection',
    close: async (ends) => {
      await sendTest(ends)
      resetConnection(ends.client)
    },
    packets: /^>PA\(4\) <A >RA$/,
    left: 'nothing',
  },
  {
    name: 'close with linger 1 s, acknowledged in time',
    close: async (ends) => {
      setLinger(ends.client, 1000)
      await sendTest(ends)
      ends.client.destroy()
    },
    packets: /^>PA\(4\) <A >FA (<A )?<FA >A$/,
    left: 'TIME_WAIT at the client',
  },
  {
    name: 'close with linger 1 s and an unread byte',
    close: async ({ client, server, ports: { client: port } }) => {
      setLinger(client, 1000)
      server.write('1')
      await until(() => tcpRows(port).some((row) => row.localPort === port && row.receiveQueue > 0))
      client.destroy()
    },
    options: { clientReads: false },
    packets: /^<PA\(1\) >A >RA$/,
    left: 'nothing',
  },
  {
    name: 'Disconnect with linger 0 (connect to AF_UNSPEC)',
    close: async (ends) => {
      setLinger(ends.client, 0)
      await sendTest(ends)
      disconnect(ends.client)
    },
    packets: /^>PA\(4\) <A >RA$/,
    left: 'nothing',
  },
  {
    name: 'the client reads reply and end, and closes with linger 0',
    close: async (ends) => {
      const reading = receive(ends.client)
      await exchange(ends)
      await reading
      ends.client.destroy()
    },
    options: { allowHalfOpen: true },
    packets: /^>PA\(4\) <A <PA\(2\) (>A )?<FA (>A )?>RA$/,
    left: 'nothing',
  },
  {
    name: 'the same, once the FIN has been acknowledged',
    close: async (ends) => {
      await exchange(ends)
      await serverIs('FIN_WAIT2', ends)
      ends.client.destroy()
    },
    options: { allowHalfOpen: true },
    packets: /^>PA\(4\) <A <PA\(2\) (>A )?<FA >A >RA$/,
    left: 'nothing',
  },
  {
    name: 'the client shuts down, then closes with linger 0 in FIN_WAIT2',
    close: endAndReset,
    options: { allowHalfOpen: true },
    packets: /^>PA\(4\) <A >FA <A >RA$/,
    left: 'nothing',
  },
  {
    name: 'the server closes with TCP_LINGER2 -1',
    close: async (ends) => {
      setOption(ends.server, 'TCP_LINGER2', -1)
      ends.server.destroy()
      await serverIs('none', ends)
    },
    options: { clientReads: false },
    packets: /^<FA >A <RA?$/,
    left: 'nothing',
  },
  {
    name: 'closeWithoutTimeWait',
    close: async (ends) => {
      await sendTest(ends)
      await closeWithoutTimeWait(ends.client)
    },
    packets: /^>PA\(4\) <A >RA$/,
    left: 'nothing',
  },
  {
    name: 'closeLingering',
    close: async (ends) => {
      await sendTest(ends)
      await closeLingering(ends.client, 2000)
    },
    packets: /^>PA\(4\) <A >FA (<A )?<FA >A$/,
    left: 'TIME_WAIT at the client',
  },
  // The last, since its FIN goes on and on.
  {
    name: 'close with linger 1 s, never acknowledged',
    close: ({ client, server }) => {
      setLinger(client, 1000)
      deafen(server)
      client.destroy()
    },
    packets: /^>FA( >FA)+$/,
    left: 'FIN_WAIT1 at the client',
  },
]

async function allWays(): Promise<Observation> {
  const server = await listener()
  const capture = await Capture.start(portOf(server))
  if (capture.refusal !== undefined) return cannotShow(capture.refusal)
  const closed: { way: Way; port: number; left: string }[] = []
  for (const way of ways) {
    const ends = await pair(server, way.options)
    await way.close(ends)
    closed.push({ way, port: ends.ports.client, left: await leftBy(ends) })
  }
  const packets = await capture.stop()
  const seen = closed.map(({ way, port, left }) => {
    const whole = ladder(packets.filter(({ clientPort }) => clientPort === port))
    const hasHandshake = whole.startsWith('>S <SA >A ')
    const rest = whole.replace(/^>S <SA >A /, '')
    const isExpected = hasHandshake && way.packets.test(rest) && left === way.left
    return { way: way.name, ladder: whole, left, isExpected }
  })
  const others = seen.filter(({ isExpected }) => !isExpected)
  const guess = seen.find(({ way }) => way.startsWith('the same'))
  return compare({
    asDocumented: others.length === 0,
    seen: `${seen.length - others.length} of ${seen.length} ways to close went as they should; the last one of the document: ${guess?.ladder}`,
    ...(others.length > 0 && {
      why: `otherwise: ${others.map(({ way, ladder, left }) => `${way}: ${ladder}, left ${left}`).join('; ')}`,
    }),
    data: { ways: seen },
  })
}

/** In words: `'TIME_WAIT at the client'`. */
async function leftBy({ ports }: Ends): Promise<string> {
  const isDeaf = statesOfEnds(ports).server === 'ESTABLISHED'
  const { client, server } = isDeaf ? statesOfEnds(ports) : await leftOf(ports)
  if (server !== 'none' && !isDeaf) return `${server} at the server`
  return client === 'none' ? 'nothing' : `${client} at the client`
}

export const scenarios: readonly Scenario[] = [
  {
    id: 'S1.19',
    claim: 'A packet capture shows how each of these ways to close goes.',
    of: 'Windows',
    documented: 'a wish of the author, who expects FIN, ACK, RST for the last example',
    platforms: ['linux'],
    namespace: {},
    run: allWays,
  },
]
