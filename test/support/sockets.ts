/** Sockets for tests, closed when the test is over. Real ones, on loopback. */
import { once } from 'node:events'
import net, { type AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'

export function portOf(server: net.Server): number {
  return (server.address() as AddressInfo).port
}

/** A server that listens, as Node itself makes it; its connections are closed with it. */
export async function listening<Server extends net.Server>(
  server: Server,
  options: net.ListenOptions = { port: 0, host: '127.0.0.1' },
): Promise<Server> {
  closeAtEnd(server)
  server.listen(options)
  await once(server, 'listening')
  return server
}

/** Closes a server and all that it accepted when the test is over. */
export function closeAtEnd(server: net.Server): void {
  const sockets = new Set<net.Socket>()
  server.on('connection', (socket: net.Socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
  })
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
}

/** A client of the server, connected. */
export async function connected(options: net.NetConnectOpts): Promise<net.Socket> {
  const socket = net.connect(options)
  destroyAtEnd(socket)
  await once(socket, 'connect')
  return socket
}

export function destroyAtEnd(socket: net.Socket): void {
  socket.on('error', () => undefined)
  onTestFinished(() => void socket.destroy())
}

export interface Pair {
  server: net.Server
  client: net.Socket
  accepted: net.Socket
}

/** Both ends of a TCP connection, with their listener. */
export async function tcpPair(host: '127.0.0.1' | '::1' = '127.0.0.1'): Promise<Pair> {
  const server = await listening(net.createServer(), { port: 0, host })
  const accepting = once(server, 'connection') as Promise<[net.Socket]>
  const client = await connected({ port: portOf(server), host })
  const [accepted] = await accepting
  return { server, client, accepted }
}
