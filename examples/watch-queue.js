/**
 * The accept queue of a server whose loop stands still: who connects meanwhile waits there, until it is full.
 * The backlog can be changed while the server listens, also if Node itself made it listen.
 */
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { isMainThread, Worker, workerData } from 'node:worker_threads'
import { getAcceptQueue, setBacklog } from 'net-sockopt'

const clients = 20

if (isMainThread) await serve()
else for (let i = 0; i < clients; i++) connect(workerData.port, '127.0.0.1').resume()

async function serve() {
  let accepted = 0
  const server = createServer((socket) => {
    socket.end()
    if (++accepted === clients) server.close()
  })
  server.listen({ host: '127.0.0.1', port: 0, backlog: 5 })
  await once(server, 'listening')
  console.log('listening:', getAcceptQueue(server))

  // Clients in a thread of their own, which goes on while this one stands still.
  new Worker(new URL(import.meta.url), { workerData: server.address() })
  stallUntil(() => getAcceptQueue(server).length > 5)
  console.log(`${clients} clients connect to a stalled server:`, getAcceptQueue(server))

  setBacklog(server, 100)
  // Who found the queue full was not refused: its kernel tries again, a second later.
  stallUntil(() => getAcceptQueue(server).length === clients)
  console.log('after setBacklog(server, 100):', getAcceptQueue(server))

  await once(server, 'close')
  console.log('accepted:', accepted, getClosed(server))
}

/** Blocks the event loop, as a long computation would, at most for 10 seconds. */
function stallUntil(condition) {
  const never = new Int32Array(new SharedArrayBuffer(4))
  for (let i = 0; i < 1000 && !condition(); i++) Atomics.wait(never, 0, 0, 10)
}

/** A closed server has no queue: an error, never the queue of whoever got its descriptor. */
function getClosed(server) {
  try {
    return getAcceptQueue(server)
  } catch (error) {
    return error.code
  }
}
