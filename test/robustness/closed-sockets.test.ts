import { once } from 'node:events'
import net from 'node:net'
import { expect, test } from 'vitest'
import {
  getKeepAlive,
  getLinger,
  getOption,
  getOptions,
  getsockopt,
  getUserTimeout,
  ioctl,
  options,
  setKeepAlive,
  setLinger,
  setOption,
  setOptions,
  setsockopt,
  setUserTimeout,
} from '../../lib/index.js'
import { descriptorOf } from '../../lib/descriptor.js'
import { handleOf } from '../../lib/node-internals.js'
import { platform } from '../../lib/platform.js'
import { levelNumbers } from '../../lib/resolve.js'
import { probe } from '../support/probe-option.js'
import { closeAtEnd, portOf } from '../support/sockets.js'
import { isWindows } from '../support/system.js'

// Wine is slower.
const total = isWindows ? 1000 : 20_000
const atOnce = 100

/** What no fresh socket has by itself. */
const mark = 123

const { level: levelName, number: option = 0 } = options[probe.name]
const level = levelNumbers[platform][levelName]

const calls: ((socket: net.Socket) => unknown)[] = [
  (socket) => setOption(socket, probe.name, mark),
  (socket) => setOptions(socket, { [probe.name]: mark, [probe.second]: mark }),
  (socket) => setKeepAlive(socket, { idle: mark * 1000 }),
  (socket) => setUserTimeout(socket, mark),
  (socket) => setLinger(socket, mark * 1000),
  (socket) => setsockopt(socket, level, option, mark),
  (socket) => getOption(socket, probe.name),
  (socket) => getOptions(socket, [probe.name, 'SO_LINGER']),
  (socket) => getLinger(socket),
  (socket) => getKeepAlive(socket),
  (socket) => getUserTimeout(socket),
  (socket) => getsockopt(socket, level, option, 4),
  (socket) => ioctl(socket, 'FIONREAD'),
]

function callNumber(i: number): (socket: net.Socket) => unknown {
  return calls[i % calls.length] ?? getLinger
}

/** Every call on a socket that is gone is an error that says so; anything else is noted here. */
class Closed {
  readonly wrong: string[] = []
  errors = 0

  tryAll(socket: net.Socket, when: string): void {
    for (const call of calls) this.try(socket, call, when)
  }

  try(socket: net.Socket, call: (socket: net.Socket) => unknown, when: string): void {
    try {
      call(socket)
      this.wrong.push(`${when}: ${String(call)} succeeded`)
    } catch (error) {
      const { code, message } = error as Error & { code: string }
      if (code === 'ERR_SOCKET_CLOSED') this.errors++
      else this.wrong.push(`${when}: ${code} ${message}`)
    }
  }
}

/** The ways to end a connection, from either side; the client's descriptor is free afterwards. */
const ends = [
  ({ client }: Ends) => client.destroy(),
  ({ client }: Ends) => client.resetAndDestroy(),
  ({ client }: Ends) => client.destroy(new Error('destroyed with an error')),
  ({ client }: Ends) => client.destroySoon(),
  ({ client }: Ends) => client.end(),
  ({ client }: Ends) => client.end('the last word'),
  ({ accepted }: Ends) => accepted.destroy(),
  ({ accepted }: Ends) => accepted.resetAndDestroy(),
  ({ accepted }: Ends) => accepted.end(),
]

/** Its end, whatever error comes before. */
function closing(socket: net.Socket): Promise<unknown> {
  return new Promise((resolve) => socket.once('close', resolve))
}

/** Whoever is told that the other side ends answers with RST: thousands of TIME_WAIT would be in others' way. */
function leaveNoTimeWait(socket: net.Socket): void {
  socket.on('error', () => undefined)
  socket.on('end', () => socket.resetAndDestroy())
}

interface Ends {
  client: net.Socket
  accepted: net.Socket
}

test(`${total} connections that close while options are set on them: no other socket is touched`, async () => {
  const server = net.createServer({ allowHalfOpen: true })
  closeAtEnd(server)
  server.listen({ port: 0, host: '0.0.0.0', backlog: 1024 })
  await once(server, 'listening')
  const port = portOf(server)
  const closed = new Closed()
  const descriptors = new Set<number>()
  const touched: string[] = []
  let opened = 0

  function checkFresh(socket: net.Socket, who: string): void {
    const kept = getOptions(socket, [probe.name, probe.second, 'SO_KEEPALIVE', 'SO_LINGER'])
    const fresh =
      kept[probe.name] === probe.initial &&
      kept[probe.second] !== mark &&
      !kept.SO_KEEPALIVE &&
      kept.SO_LINGER === null
    if (!fresh) touched.push(`${who}: ${JSON.stringify(kept)}`)
  }

  /** By the client's port: the accepted socket, or who waits for it. */
  const arrived = new Map<number, net.Socket>()
  const waiting = new Map<number, (accepted: net.Socket) => void>()
  server.on('connection', (accepted) => {
    leaveNoTimeWait(accepted)
    const { remotePort = 0 } = accepted
    const waits = waiting.get(remotePort)
    if (waits) waits(accepted)
    else arrived.set(remotePort, accepted)
  })

  // A place of its own for each batch, so that no port is waited for.
  async function open(address: string): Promise<Ends> {
    const client = net.connect({ port, host: address, localAddress: address, allowHalfOpen: true })
    leaveNoTimeWait(client)
    await once(client, 'connect')
    const { localPort = 0 } = client
    const accepted =
      arrived.get(localPort) ??
      (await new Promise<net.Socket>((resolve) => waiting.set(localPort, resolve)))
    waiting.delete(localPort)
    arrived.delete(localPort)
    opened++
    descriptors.add(descriptorOf(handleOf(client)) ?? -1)
    return { client, accepted }
  }

  /** Closes one, and calls on it at every moment at which its descriptor may be another's already. */
  async function close(pair: Ends, i: number): Promise<void> {
    const { client, accepted } = pair
    for (const [socket, who] of [
      [client, 'client'],
      [accepted, 'accepted'],
    ] as const) {
      socket.prependListener('close', () => closed.try(socket, callNumber(i), `${who}, close`))
    }
    const over = Promise.all([closing(client), closing(accepted)])
    client.resume()
    accepted.resume()
    ends[i % ends.length]?.(pair)
    if (client.destroyed) closed.tryAll(client, 'at once')
    process.nextTick(() => client.destroyed && closed.try(client, callNumber(0), 'next tick'))
    setImmediate(() => client.destroyed && closed.try(client, callNumber(1), 'next turn'))
    await over
    closed.tryAll(client, 'after close')
    closed.try(accepted, callNumber(i), 'after close')
  }

  let batch: Ends[] = []
  let gone: Ends[] = []
  for (let round = 0; opened < total; round++) {
    const address = `127.0.0.${2 + (round % 200)}`
    const allClosed = Promise.all(batch.map((pair, i) => close(pair, round + i)))
    // While these close, others are opened and get their numbers.
    const opening = Promise.all(Array.from({ length: atOnce }, () => open(address)))
    const [next] = await Promise.all([opening, allClosed])
    for (const { client } of gone) closed.try(client, callNumber(round), 'a round later')
    for (const { client, accepted } of next) {
      checkFresh(client, 'client')
      checkFresh(accepted, 'accepted')
    }
    gone = batch
    batch = next
  }
  await Promise.all(batch.map((pair, i) => close(pair, i)))

  expect([...new Set(touched)]).toEqual([])
  expect([...new Set(closed.wrong)].slice(0, 10)).toEqual([])
  expect(closed.errors).toBeGreaterThan(15 * total)
  expect(opened).toBeGreaterThanOrEqual(total)
  // The numbers were reused again and again, or nothing was proved.
  expect(descriptors.size).toBeLessThan(total / (isWindows ? 2 : 20))
}, 60_000)

test('what is kept for a socket that never opens is kept for no other', async () => {
  const server = net.createServer().listen(0, '127.0.0.1')
  closeAtEnd(server)
  await once(server, 'listening')
  for (let i = 0; i < 200; i++) {
    const abandoned = net.connect(portOf(server), '127.0.0.1')
    abandoned.on('error', () => undefined)
    setOptions(abandoned, { [probe.name]: mark, [probe.second]: mark })
    if (i % 2 === 0) abandoned.destroy()
    else setImmediate(() => abandoned.resetAndDestroy())
    const witness = net.connect(portOf(server), '127.0.0.1')
    witness.on('error', () => undefined)
    await once(witness, 'connect')
    expect(getOption(witness, probe.name)).toBe(probe.initial)
    witness.resetAndDestroy()
  }
})
