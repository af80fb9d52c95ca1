/** The document's server: one connection at a time, the others left in the queue. */
import net from 'node:net'
import type { TcpListener } from '../../index.js'
import { connect, hear, type Heard, listen, queued, send } from './ends.js'

/** What it answers to whom. */
const replies: Record<string, string> = { LOGIN: 'WELCOME', TIME: 'NOON' }

/** A connection that the server has accepted. */
export interface Taken {
  socket: net.Socket
  heard: Heard
  /** The client's port. */
  port: number | undefined
  /** What became of each reply. */
  results: string[]
}

export interface OneSlotServer {
  listener: TcpListener
  /** In the order of accepting. */
  taken: Taken[]
}

export interface OneSlotOptions {
  host?: string
  /** It does not close a connection by itself when the client has ended it. */
  allowHalfOpen?: boolean
}

export async function oneSlotServer({
  host = '127.0.0.1',
  allowHalfOpen = false,
}: OneSlotOptions = {}): Promise<OneSlotServer> {
  const taken: Taken[] = []
  const server = net.createServer({ allowHalfOpen }, (socket) => taken.push(answer(socket)))
  const listener = await listen({ host })
  listener.serve(server, { maxConnections: 1 })
  return { listener, taken }
}

/** Answers each request that comes by a connection. */
export function answer(socket: net.Socket): Taken {
  const taken: Taken = { socket, heard: hear(socket), port: socket.remotePort, results: [] }
  socket.on('data', (data) => {
    const reply = replies[data.toString()]
    if (reply === undefined) throw new Error(`not a request: ${data.toString()}`)
    void send(socket, reply).then((result) => taken.results.push(result))
  })
  return taken
}

/** A client that has the slot, and its reply. */
export async function occupant({ listener }: OneSlotServer): Promise<net.Socket> {
  const client = await connect(listener)
  const heard = hear(client)
  client.write('LOGIN')
  await new Promise<void>((resolve) => client.once('data', () => resolve()))
  if (heard.text !== 'WELCOME') throw new Error(`an odd reply: ${heard.text}`)
  return client
}

/** A client that waits in the queue with its request. */
export async function waitingClient(
  listener: TcpListener,
  length: number,
  localAddress = '127.0.0.1',
): Promise<net.Socket> {
  const client = await connect(listener, { localAddress })
  client.write('LOGIN')
  await queued(listener, length)
  return client
}
