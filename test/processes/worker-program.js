// Sets and reads options in a thread, for worker-threads.test.ts.
import { once } from 'node:events'
import net from 'node:net'
import { parentPort, workerData } from 'node:worker_threads'
import { getAcceptQueue, getOption, listenWithBacklog, setOptions } from 'net-sockopt'

const { seconds, rounds = 200 } = workerData
const server = net.createServer()
await listenWithBacklog(server, { port: 0, host: '127.0.0.1', backlog: seconds })
const client = net.connect(server.address().port, '127.0.0.1')
await once(client, 'connect')

let wrong = 0
let done = 0
while (done < rounds) {
  setOptions(client, { TCP_KEEPIDLE: seconds, TCP_USER_TIMEOUT: seconds * 1000 + done })
  const kept = getOption(client, 'TCP_USER_TIMEOUT')
  if (kept !== seconds * 1000 + done) wrong++
  done++
  if (done % 50 === 0) await new Promise(setImmediate)
}
parentPort.postMessage({
  rounds: done,
  wrong,
  seconds: getOption(client, 'TCP_KEEPIDLE'),
  limit: getAcceptQueue(server).limit,
})
client.destroy()
server.close()
