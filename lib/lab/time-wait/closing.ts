/** One connection over loopback that is closed in some way, while its packets and states are watched. */
import { once } from 'node:events'
import net from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { getSystemErrorName } from 'node:util'
import { getOption, TcpListener } from '../../index.js'
import { Capture, ladder, type Packet } from '../observers/capture.js'
import { until } from '../observers/until.js'
import { rowsAt } from './rows.js'
import type { Scenario } from '../scenario.js'
import { platform } from '../../platform.js'
import { type StateChange, StatesOverTime } from '../observers/states-over-time.js'

export interface Ports {
  client: number
  server: number
}

/** Both ends, the server's accepted already. */
export interface Ends {
  client: net.Socket
  server: net.Socket
  /** A closed socket does not tell them any more. */
  ports: Ports
}

/** What is left of a connection when nothing more happens: states, or `'none'`. */
export interface Left {
  client: string
  server: string
}

/** On Linux packets are captured, states watched and filters attached, for all of which a namespace gives leave. */
export const privately: Pick<Scenario, 'namespace'> = platform === 'linux' ? { namespace: {} } : {}

export type Watched = Wire & { left: Left; states: StateChange[] }

/** The packets, or why there are none. */
export interface Wire {
  ladder?: string
  packets?: readonly Packet[]
  notCaptured?: string
}

export interface ConnectOptions {
  /** The client leaves what it is sent in the kernel. */
  clientReads?: boolean
  /** An end that has read the other's end is not ended by itself. */
  allowHalfOpen?: boolean
  localPort?: number
}

/** A listener on loopback that accepts when asked. */
export async function listener(): Promise<TcpListener> {
  return TcpListener.listen({ port: 0, host: '127.0.0.1' })
}

export function portOf(server: TcpListener): number {
  return (server.address() as net.AddressInfo).port
}

/** A client, connected and waiting in the listener's queue. */
export async function connected(
  server: TcpListener,
  { clientReads = true, allowHalfOpen = false, localPort }: ConnectOptions = {},
): Promise<net.Socket> {
  const place = { host: '127.0.0.1', port: portOf(server), allowHalfOpen }
  const client = net.connect(localPort === undefined ? place : { ...place, localPort })
  if (!clientReads) client.pause()
  await once(client, 'connect')
  return client.on('error', () => undefined)
}

/** A client, connected and accepted. */
export async function pair(server: TcpListener, options: ConnectOptions = {}): Promise<Ends> {
  const client = await connected(server, options)
  const accepted = await server.accept()
  const ports = { client: client.localPort ?? 0, server: portOf(server) }
  return { client, server: accepted.on('error', () => undefined), ports }
}

/** Closes one connection while it is watched, and tells what `act` returned, what was sent, and what is left. */
export async function watch<Result>(
  act: (ends: Ends) => Promise<Result>,
  options: ConnectOptions = {},
): Promise<Watched & { result: Result }> {
  const server = await listener()
  const port = portOf(server)
  const [capture, states] = await Promise.all([
    Capture.start(port),
    platform === 'linux' ? StatesOverTime.start(port) : undefined,
  ])
  const ends = await pair(server, options)
  const result = await act(ends)
  const left = await leftOf(ends.ports)
  const wire = await wireOf(capture)
  const watched = { result, ...wire, left, states: (await states?.stop()) ?? [] }
  await server.close()
  return watched
}

/** TIME_WAIT rows after closing several connections, by the end that they are at. */
export interface TimeWaits {
  client: number
  server: number
}

/** Closes so many connections, one after the other; the server's kernel rows are counted when all are over. */
export async function repeat<Result>(
  count: number,
  act: (ends: Ends) => Promise<Result>,
  options: ConnectOptions = {},
): Promise<{ results: Result[]; timeWait: TimeWaits }> {
  const server = await listener()
  const results: Result[] = []
  for (let i = 0; i < count; i++) results.push(await act(await pair(server, options)))
  const timeWait = await timeWaitsAt(portOf(server))
  await server.close()
  return { results, timeWait }
}

/** Counted once there is nothing else left but the listener. */
export async function timeWaitsAt(port: number): Promise<TimeWaits> {
  const over = ['LISTEN', 'TIME_WAIT']
  const rows = await until(
    () => rowsAt(port),
    (found) => found.every(({ state }) => over.includes(state)),
    2000,
  )
  const waiting = rows.filter(({ state }) => state === 'TIME_WAIT')
  const server = waiting.filter(({ localPort }) => localPort === port).length
  return { client: waiting.length - server, server }
}

/** How many of each there are: `{ EOF: 20 }`. */
export function tally(values: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1
  return counts
}

export async function wireOf(capture: Capture): Promise<Wire> {
  const packets = await capture.stop()
  if (capture.refusal !== undefined) return { notCaptured: capture.refusal }
  return { ladder: ladder(packets), packets }
}

/** What both ends come to: gone, or TIME_WAIT. A FIN may wait 60 ms for its delayed acknowledgement. */
export async function leftOf(ports: Ports): Promise<Left> {
  const isOver = ({ client, server }: Left): boolean =>
    [client, server].every((state) => state === 'none' || state === 'TIME_WAIT')
  return until(() => statesOfEnds(ports), isOver, 2000)
}

export function statesOfEnds({ client, server }: Ports): Left {
  const rows = rowsAt(server)
  const state = (local: number, remote: number): string =>
    rows.find((row) => row.localPort === local && row.remotePort === remote)?.state ?? 'none'
  return { client: state(client, server), server: state(server, client) }
}

/** What a program reads from its socket, and how that ends. */
export interface Received {
  bytes: number
  /** `'EOF'`: the peer has ended; `'ECONNRESET'`: it has reset. */
  end: string
  /** What the socket had against it at the end: `'EPIPE'` if a reset came behind the peer's end. */
  error?: string
}

/**
 * Reads all there is. Node tells of a reset behind data as if it were an end ('end' without 'error', Node 20 and 22);
 * the socket itself still knows.
 */
export async function receive(socket: net.Socket): Promise<Received> {
  const received: Received = { bytes: 0, end: 'nothing' }
  const over = new Promise<void>((resolve) => {
    const ended = (end: string): void => {
      received.end = end
      resolve()
    }
    socket.on('error', ({ code = 'error' }: NodeJS.ErrnoException) => ended(code))
    socket.on('end', () => {
      const error = errorOf(socket)
      if (error !== undefined) received.error = error
      ended(error === undefined || error === 'EPIPE' ? 'EOF' : error)
    })
  })
  socket.on('data', (data: Buffer) => (received.bytes += data.length))
  await over
  return received
}

function errorOf(socket: net.Socket): string | undefined {
  const error = getOption(socket, 'SO_ERROR')
  return error === 0 ? undefined : getSystemErrorName(-error)
}

/** Writes, and waits until the kernel has it all (or will take no more for now). */
export async function write(socket: net.Socket, data: string | Buffer): Promise<void> {
  const written = new Promise<void>((resolve) => {
    socket.write(data, () => resolve())
  })
  await Promise.race([written, sleep(500)])
}

/** Closes: with linger, close(2) blocks within this call. Milliseconds that it took. */
export function close(socket: net.Socket): number {
  const began = performance.now()
  socket.destroy()
  return Math.round((performance.now() - began) * 100) / 100
}
