// Sets and reads options in a thread, for worker-threads.test.ts.
import { once } from 'node:events'
import net from 'node:net'
import { parentPort, workerData } from 'node:worker_threads'
import { getAcceptQueue, getOption, listenWithBacklog, setOptions } from 'net-sockopt'

// Two options: the first takes about 100, the second any number.
const { names, number, rounds = 200 } = workerData
const [first, second] = names
const server = net.createServer()
await listenWithBacklog(server, { port: 0, host: '127.0.0.1', backlog: number })
const client = net.connect(server.address().port, '127.0.0.1')
await once(client, 'connect')

let wrong = 0
let done = 0
while (done < rounds) {
  setOptions(client, { [first]: number, [second]: number * 1000 + done })
  const kept = getOption(client, second)
  if (kept !== number * 1000 + done) wrong++
  done++
  if (done % 50 === 0) await new Promise(setImmediate)
}
parentPort.postMessage({
  rounds: done,
  wrong,
  number: getOption(client, first),
  // Windows does not tell.
  limit: process.platform === 'win32' ? number : getAcceptQueue(server).limit,
})
client.destroy()
server.close()
