// A listener in a thread of its own, for worker-threads.test.ts.
import net from 'node:net'
import { parentPort, threadId, workerData } from 'node:worker_threads'
import { TcpListener } from 'net-sockopt'

const { port = 0, doing } = workerData
// Elsewhere a port of its own.
const reusePort = process.platform === 'linux'
const listener = await TcpListener.listen({ host: '127.0.0.1', port, reusePort })
const server = net.createServer((socket) => socket.end(`thread ${threadId}`))

const doings = {
  serve: () => listener.serve(server),
  'serve, full': () => {
    server.removeAllListeners('connection')
    listener.serve(server, { maxConnections: 1 })
  },
  accept: () => void listener.accept().catch(() => {}),
  'for await': async () => {
    for await (const socket of listener) socket.end(`thread ${threadId}`)
  },
  pause: () => void listener.pause().accept(),
  nothing: () => {},
  unref: () => void listener.unref().accept(),
  'end at once': () => {
    void listener.accept()
    process.exit()
  },
}

parentPort.postMessage({ port: listener.address().port, threadId })
void doings[doing]()
