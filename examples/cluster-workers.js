/**
 * Four workers on one port, each with a socket and a queue of its own, between which the kernel divides the
 * connections (SO_REUSEPORT). Each serves twenty at a time; the rest wait in its queue. One is killed under load:
 * lost are the connections that it served and those in its queue (net.ipv4.tcp_migrate_req is 0), no others.
 */
import cluster from 'node:cluster'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { TcpListener } from 'net-sockopt'

const [workers, places, clients] = [4, 20, 200]
const host = '127.0.0.1'

async function work() {
  const port = Number(process.env.PORT)
  const listener = await TcpListener.listen({ host, port, backlog: 1000, reusePort: true })
  const server = createServer((socket) => {
    socket.on('error', () => {})
    // A visit ends when the client says so.
    socket.on('data', () => socket.end())
    socket.write(String(cluster.worker.id))
  })
  listener.serve(server, { maxConnections: places })
  let open = 0
  server.on('connection', (socket) => {
    open++
    socket.on('close', () => open--)
  })
  const report = () => ({ open, queued: listener.queue.length, accepted: listener.accepted })
  process.on('message', () => process.send(report()))
  process.send({ port: listener.address().port })
}

async function watch() {
  const all = []
  let port = 0
  for (let i = 0; i < workers; i++) {
    all.push(cluster.fork({ PORT: String(port) }))
    const [message] = await once(all[i], 'message')
    port = message.port
  }

  const visits = await crowd(port, all)
  const before = await Promise.all(all.map(ask))
  console.log(
    `${visits.length} connected: ${sum(before, 'open')} served, ${sum(before, 'queued')} queued`,
  )
  for (const visit of visits) visit.leave()
  await Promise.all(visits.map(({ over }) => over))
  const servants = new Set(visits.map(({ worker }) => worker))
  console.log(`${visits.filter(isServed).length} of ${clients} served, by ${servants.size} workers`)

  const others = await crowd(port, all)
  const [victim, ...survivors] = all
  const { open, queued } = await ask(victim)
  victim.process.kill('SIGKILL')
  await once(victim, 'exit')
  // Resets arrive at once; who has got none has lost nothing.
  await sleep(200)
  const lost = others.filter(({ isOver }) => isOver)
  console.log(`killed one that served ${open} and had ${queued} in its queue: ${lost.length} lost`)
  const ofOthers = lost.filter(({ worker }) => worker !== undefined && worker !== victim.id)
  console.log(`lost of those that another served: ${ofOthers.length}`)
  for (const visit of others) visit.leave()
  await Promise.all(others.map(({ over }) => over))
  const served = others.filter((visit) => !lost.includes(visit) && isServed(visit))
  console.log(`served of the rest: ${served.length} of ${clients - lost.length}`)

  const late = Array.from({ length: 40 }, () => new Visit(port))
  for (const visit of late) visit.leave()
  await Promise.all(late.map(({ over }) => over))
  console.log(`served afterwards: ${late.filter(isServed).length} of ${late.length}`)
  for (const worker of survivors) worker.kill()
}

/** Clients that are all connected, and as many of them served as there are places. */
async function crowd(port, all) {
  const visits = Array.from({ length: clients }, () => new Visit(port))
  await Promise.all(visits.map(({ connected }) => connected))
  for (;;) {
    const reports = await Promise.all(all.map(ask))
    const isSteady = reports.every(({ open, queued }) => open === places || queued === 0)
    const greeted = visits.filter(({ worker }) => worker !== undefined).length
    if (isSteady && greeted === sum(reports, 'open')) return visits
    await sleep(10)
  }
}

class Visit {
  /** Who has greeted it. */
  worker
  isOver = false
  #leaves = false
  #socket

  constructor(port) {
    this.#socket = connect(port, host)
    this.connected = once(this.#socket, 'connect')
    this.over = new Promise((resolve) => this.#socket.on('close', resolve))
    this.#socket.on('close', () => (this.isOver = true))
    this.#socket.on('error', () => {})
    this.#socket.on('data', (data) => {
      this.worker = Number(data)
      if (this.#leaves) this.#socket.write('bye')
    })
  }

  /** Says good-bye as soon as it has been greeted. */
  leave() {
    this.#leaves = true
    if (this.worker !== undefined) this.#socket.write('bye')
  }
}

function isServed({ worker, isOver }) {
  return isOver && worker !== undefined
}

async function ask(worker) {
  worker.send('report')
  const [report] = await once(worker, 'message')
  return report
}

function sum(reports, name) {
  return reports.reduce((total, report) => total + report[name], 0)
}

if (process.platform !== 'linux') console.log('Only Linux divides connections between sockets.')
else if (cluster.isPrimary) await watch()
else await work()
