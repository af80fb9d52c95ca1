// The accept queue of a server whose loop stands still while a burst of clients arrives: samples of its length.
import { once } from 'node:events'
import net from 'node:net'
import { Worker } from 'node:worker_threads'
import { getAcceptQueue, listenWithBacklog } from 'net-sockopt'

const clients = 400
const stalledFor = 300

const clientProgram = `
  const net = require('node:net')
  const { workerData: { port, clients } } = require('node:worker_threads')
  for (let i = 0; i < clients; i++) {
    setTimeout(() => net.connect(port, '127.0.0.1').on('error', () => {}).end('x'), i / 2)
  }
`

/** For a backlog that is too short and one that is not: milliseconds and connections in the queue. */
export async function measureQueue() {
  const runs = []
  for (const backlog of [128, 1024]) runs.push({ backlog, ...(await measure(backlog)) })
  return { clients, stalledFor, runs }
}

async function measure(backlog) {
  const server = net.createServer((socket) => socket.on('error', () => {}).resume())
  await listenWithBacklog(server, { port: 0, host: '127.0.0.1', backlog })
  const { port } = server.address()
  const worker = new Worker(clientProgram, { eval: true, workerData: { port, clients } })
  await once(worker, 'online')
  const samples = []
  const began = performance.now()
  const sample = () => samples.push([performance.now() - began, getAcceptQueue(server).length])
  const cell = new Int32Array(new SharedArrayBuffer(4))
  while (performance.now() - began < stalledFor) {
    sample()
    Atomics.wait(cell, 0, 0, 2)
  }
  // The loop turns again; clients that found the queue full come back after a second.
  server.on('connection', sample)
  const timer = setInterval(sample, 5)
  await new Promise((resolve) => setTimeout(resolve, 2000))
  clearInterval(timer)
  sample()
  server.close()
  await worker.terminate()
  return { limit: backlog, samples }
}
