/** Servers that differ in who accepts: Node as fast as it can, or a TcpListener that is asked. */
import { once } from 'node:events'
import net from 'node:net'
import { TcpListener } from '../dist/index.js'

const where = { host: '127.0.0.1', port: 0, backlog: 4096 }

const plain = {
  isServer: true,
  listen: async (onConnection) => {
    const server = net.createServer(onConnection).listen(where)
    await once(server, 'listening')
    return server
  },
  expected: [],
}

const serve = {
  role: 'listener',
  isServer: true,
  listen: async (onConnection) => {
    const listener = await TcpListener.listen(where)
    const server = listener.serve(net.createServer(onConnection))
    await once(server, 'listening')
    return server
  },
  expected: [],
}

const forAwait = {
  role: 'listener',
  listen: async (onConnection) => {
    const listener = await TcpListener.listen(where)
    acceptAll(listener, onConnection)
    return listener
  },
  expected: [],
}

async function acceptAll(listener, onConnection) {
  for await (const socket of listener) onConnection(socket)
}

/** The first is what all others are compared with, the second tells how far equals differ. */
export const listeners = {
  'net.Server': plain,
  'the same again (noise)': { role: 'noise', ...plain },
  'TcpListener, serve(net.Server)': serve,
  'TcpListener, for await': forAwait,
}
