/** Connections with keep-alive at the server, and their end when the client falls silent. */
import { once } from 'node:events'
import net from 'node:net'
import {
  ioctl,
  type KeepAlive,
  listenWithBacklog,
  setOption,
  type TcpListener,
} from '../../index.js'
import { connect, hear, type Heard, listen } from '../not-accepted/ends.js'
import { until } from '../observers/until.js'

/** Milliseconds, and a number of probes. */
export type Setting = Required<KeepAlive>

/** In the document's way of writing it: seconds idle, seconds between probes, probes. */
export function setting(idle: number, interval: number, count: number): Setting {
  return { idle: idle * 1000, interval: interval * 1000, count }
}

/** `'1 s + 3 s * 10'`. */
export function written({ idle, interval, count }: Setting): string {
  return `${idle / 1000} s + ${interval / 1000} s * ${count}`
}

/** When a connection should end, in milliseconds after the last sign of life. */
export function expected({ idle, interval, count }: Setting): number {
  return idle + interval * count
}

/** The kernel's timers may be late by a little, and a busy machine too. */
export function isAbout(milliseconds: number | null, wanted: number): boolean {
  return milliseconds !== null && Math.abs(milliseconds - wanted) <= 0.15 * wanted
}

export interface Connection {
  listener: TcpListener | net.Server
  client: net.Socket
  accepted: net.Socket
  /** What the client has been told. */
  heard: Heard
}

/** A connection whose keep-alive, if any, comes from the listener; both ends read. */
export async function connection(keepAlive: KeepAlive | false): Promise<Connection> {
  return connectionTo(await listen({ keepAlive }))
}

export async function connectionTo(listener: TcpListener): Promise<Connection> {
  const client = await connect(listener)
  const heard = hear(client)
  const accepted = await listener.accept()
  accepted.resume().on('error', () => undefined)
  return { listener, client, accepted, heard }
}

/** The same, but the server never reads from its end. */
export async function unreadConnection(keepAlive: KeepAlive): Promise<Connection> {
  const listener = net.createServer({ pauseOnConnect: true })
  await listenWithBacklog(listener, { port: 0, host: '127.0.0.1', keepAlive })
  const accepting = once(listener, 'connection') as Promise<[net.Socket]>
  const client = net.connect((listener.address() as net.AddressInfo).port, '127.0.0.1')
  const [accepted] = await accepting
  return { listener, client, accepted, heard: hear(client) }
}

/** The document's server: it sends 4 bytes, which the client reads, and then waits to receive. */
export async function greet({ client, accepted }: Connection): Promise<void> {
  const arrived = once(client, 'data')
  accepted.write(Buffer.from([1, 2, 3, 4]))
  await arrived
  // Keep-alive does not run while something is unacknowledged.
  await until(() => ioctl(accepted, 'SIOCOUTQ') === 0)
}

/** BPF_RET | BPF_K: the rest of a packet that the filter lets through, here 0 bytes. */
const nothing = [{ code: 6, jt: 0, jf: 0, k: 0 }]

/** From now on the socket hears nothing, as if its machine were paused or its cable cut. */
export function cut(socket: net.Socket): void {
  setOption(socket, 'SO_ATTACH_FILTER', nothing)
}

/** How a connection ended; nulls: not within the time. */
export interface Death {
  afterMs: number | null
  error: string | null
  syscall: string | null
}

/** Silences the client and waits for the server's end to die. */
export async function deathOf({ client, accepted }: Connection, limit: number): Promise<Death> {
  const began = performance.now()
  cut(client)
  return new Promise((resolve) => {
    const survived = (): void => resolve({ afterMs: null, error: null, syscall: null })
    const timer = setTimeout(survived, limit)
    accepted.once('error', ({ code, syscall }: NodeJS.ErrnoException) => {
      clearTimeout(timer)
      const afterMs = Math.round(performance.now() - began)
      resolve({ afterMs, error: code ?? null, syscall: syscall ?? null })
    })
  })
}

export function inSeconds(milliseconds: number | null): string {
  return milliseconds === null ? 'never' : `${(milliseconds / 1000).toFixed(2)} s`
}
