// A cluster for cluster.test.ts. The primary forks workers one after the other, hands their reports on to
// the test, and ends with status 0.
import cluster from 'node:cluster'
import { once } from 'node:events'
import net from 'node:net'
import { getAcceptQueue, getLinger, listenWithBacklog, setLinger } from 'net-sockopt'

const mode = process.argv[2]
const host = '127.0.0.1'

function roundTrip(target) {
  setLinger(target, 3000)
  return { linger: getLinger(target) }
}

function describeError({ code, message }) {
  return { code, message }
}

/** What a worker does; returns its report. `port` is the one that the first worker got, or 0. */
const workers = {
  async shared(port) {
    const server = net.createServer().listen(port, host)
    await once(server, 'listening')
    return roundTrip(server)
  },
  async accepted(port) {
    const server = net.createServer().listen(port, host)
    await once(server, 'listening')
    const accepting = once(server, 'connection')
    net.connect(server.address().port, host).on('error', () => {})
    const [socket] = await accepting
    return roundTrip(socket)
  },
  async exclusive(port) {
    const server = net.createServer().listen({ port, host, exclusive: true })
    await once(server, 'listening')
    return roundTrip(server)
  },
  async listen(port) {
    await listenWithBacklog(net.createServer(), { port, host })
    return { code: 'none' }
  },
  async reusePort(port) {
    let served = 0
    const server = net.createServer((socket) => {
      served++
      socket.end()
    })
    await listenWithBacklog(server, { port, host, backlog: 7, reusePort: true })
    process.send({ port: server.address().port })
    await once(process, 'message')
    return { limit: getAcceptQueue(server).limit, served }
  },
  async listenExclusive(port) {
    const server = net.createServer()
    await listenWithBacklog(server, { port, host, backlog: 7, exclusive: true })
    // Windows does not tell.
    const limit = process.platform === 'win32' ? undefined : getAcceptQueue(server).limit
    return { limit, port: server.address().port }
  },
}

const single = ['accepted', 'exclusive']

if (cluster.isPrimary) {
  const forked = []
  let port = 0
  for (let i = 0; i < (single.includes(mode) ? 1 : 2); i++) {
    const worker = cluster.fork({ TEST_PORT: String(port) })
    forked.push(worker)
    const [message] = await once(worker, 'message')
    port ||= message.port ?? 0
    if (mode !== 'reusePort') process.send(message)
  }
  if (mode === 'reusePort') {
    for (let i = 0; i < 40; i++) {
      const client = net.connect(port, host)
      client.resume()
      await once(client, 'close')
    }
    for (const worker of forked) {
      worker.send('report')
      process.send((await once(worker, 'message'))[0])
    }
  }
  for (const worker of forked) worker.kill()
  process.disconnect()
} else {
  const report = await workers[mode](Number(process.env.TEST_PORT)).catch(describeError)
  process.send(report)
}
