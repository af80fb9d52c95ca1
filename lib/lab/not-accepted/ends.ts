/** The ends of connections that scenarios need: listeners that accept only when asked, clients, and what each hears. */
import { once } from 'node:events'
import net, { type AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { getSystemErrorName } from 'node:util'
import { TcpListener, getOption, ioctl } from '../../index.js'
import type { TcpListenerOptions } from '../../index.js'
import { platform } from '../../platform.js'
import { tcpRows, type TcpRow, type TcpState } from '../observers/proc-net-tcp.js'
import { until } from '../observers/until.js'
import type { Observation } from '../scenario.js'

/** A listener with the document's backlog of 100, on loopback unless told otherwise. */
export async function listen(options: Partial<TcpListenerOptions> = {}): Promise<TcpListener> {
  return TcpListener.listen({ port: 0, host: '127.0.0.1', backlog: 100, ...options })
}

export function portOf(listener: TcpListener | net.Server): number {
  return (listener.address() as AddressInfo).port
}

/** The port of a connected client, which names its connection for good. */
export function localPort(socket: net.Socket): number {
  if (socket.localPort === undefined) throw new Error('the socket is not connected')
  return socket.localPort
}

/** A client that is connected; the error of one that cannot be. */
export async function connect(
  listener: TcpListener,
  options: Partial<net.TcpNetConnectOpts> = {},
): Promise<net.Socket> {
  const host = (listener.address() as AddressInfo).address
  const socket = net.connect({ port: portOf(listener), host, ...options })
  await once(socket, 'connect')
  // What becomes of it later is for whoever looks: see Heard.
  return socket.on('error', () => undefined)
}

/** What a socket has told its program. */
export interface Heard {
  text: string
  ended: boolean
  error: string | undefined
  syscall: string | undefined
  closed: boolean
}

/** Notes from now on what a socket tells its program. */
export function hear(socket: net.Socket): Heard {
  const heard: Heard = {
    text: '',
    ended: false,
    error: undefined,
    syscall: undefined,
    closed: false,
  }
  socket.on('data', (data) => (heard.text += data.toString()))
  socket.on('end', () => (heard.ended = true))
  socket.on('error', (error: NodeJS.ErrnoException) => {
    heard.error = error.code
    heard.syscall = error.syscall
  })
  socket.on('close', () => (heard.closed = true))
  return heard
}

/** Writes, and says what became of it: `'sent'`, or the error's code. */
export async function send(socket: net.Socket, data: string): Promise<string> {
  return new Promise((resolve) => {
    socket.write(data, (error) => resolve(error ? codeOf(error) : 'sent'))
  })
}

export function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? String(error)
}

/** The server's end of a client's connection, accepted or not; undefined once the kernel has none. */
export function serverEnd(listener: TcpListener | number, clientPort: number): TcpRow | undefined {
  const port = typeof listener === 'number' ? listener : portOf(listener)
  return tcpRows(port).find((row) => row.localPort === port && row.remotePort === clientPort)
}

export function clientEnd(listener: TcpListener | number, clientPort: number): TcpRow | undefined {
  const port = typeof listener === 'number' ? listener : portOf(listener)
  return tcpRows(port).find((row) => row.localPort === clientPort && row.remotePort === port)
}

/** What takes milliseconds at most, where the system does not tell when it is done. */
const aMoment = 100

/** Waits until so many connections are in the queue; how many are, as far as the system tells. */
export async function queued(listener: TcpListener, length: number): Promise<number> {
  if (platform === 'win32') {
    await sleep(aMoment)
    return length
  }
  return until(
    () => listener.queue.length,
    (now) => now === length,
  )
}

/** Waits until the server's end of a connection is in that state; undefined for gone. */
export async function serverReaches(
  listener: TcpListener,
  clientPort: number,
  state: TcpState | undefined,
): Promise<void> {
  if (platform === 'linux') await until(() => serverEnd(listener, clientPort)?.state === state)
  else await sleep(aMoment)
}

/** States of a socket that a program can ask for at accept(), by include/net/tcp_states.h. */
const states: Record<number, string> = { 1: 'ESTABLISHED', 7: 'CLOSE', 8: 'CLOSE_WAIT' }

/** The state in which the kernel holds a socket of ours; that of one that was reset is in no table any more. */
export function stateOf(socket: net.Socket): string {
  const state = getOption(socket, 'TCP_INFO')[0] ?? 0
  return states[state] ?? String(state)
}

/** The pending error, which reading clears; `''` for none. */
export function pendingError(socket: net.Socket): string {
  const error = getOption(socket, 'SO_ERROR')
  return error === 0 ? '' : getSystemErrorName(-error)
}

/** What can be told of a connection at accept(), before its data is read. */
export function lookAt(socket: net.Socket): { state: string; readable: number; error: string } {
  const readable = ioctl(socket, 'FIONREAD')
  return { state: stateOf(socket), readable, error: pendingError(socket) }
}

/** The observation of a scenario that could be run: as documented, or different for this reason. */
export function judge(
  asDocumented: boolean,
  { seen, why, data }: Omit<Observation, 'verdict'>,
): Observation {
  if (asDocumented) return { verdict: 'as documented', seen, data }
  return { verdict: 'differs here', seen, ...(why !== undefined && { why }), data }
}
