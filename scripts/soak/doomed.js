// A thread that is terminated in the middle of accepting.
import net from 'node:net'
import { parentPort, workerData } from 'node:worker_threads'
import { TcpListener } from 'net-sockopt'

const listener = await TcpListener.listen({ host: workerData.host, port: 0, backlog: 1000 })
if (workerData.serves) {
  listener.serve(net.createServer((socket) => socket.on('error', () => {}).end('x')))
} else {
  void (async () => {
    for await (const socket of listener) socket.on('error', () => {}).end('x')
  })()
}
parentPort.postMessage(listener.address().port)
