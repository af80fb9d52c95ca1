/** One run: an HTTP server with a backlog, whose loop stands still while the clients arrive. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import http from 'node:http'
import { getAcceptQueue, listenWithBacklog } from 'net-sockopt'
import { countedSince, readCounters } from './kernel-counters.js'
import { startProgress } from './progress.js'

const msPerSample = 2

export async function measure({ backlog, connections, stall, deadline }) {
  const server = http.createServer((request, response) => response.end('ok\n'))
  await listenWithBacklog(server, { host: '127.0.0.1', port: 0, backlog })
  const queue = watchQueue(server, startProgress({ backlog, connections }))
  const client = startClient()
  try {
    await client.message()
    const before = readCounters()
    const { port } = server.address()
    await client.send({ port, connections, deadline })
    stallLoop(stall, () => queue.sample('stalled'))
    const results = await client.message()
    const counters = countedSince(before)
    const { limit } = queue.sample('done', true) ?? {}
    return { backlog, limit, peak: queue.peak(), counters, results }
  } finally {
    queue.stop()
    client.stop()
    server.close()
    server.closeAllConnections()
  }
}

/** Blocks the event loop, as a long computation would; only we look at the queue meanwhile. */
function stallLoop(ms, sample) {
  const never = new Int32Array(new SharedArrayBuffer(4))
  const end = performance.now() + ms
  while (performance.now() < end) {
    Atomics.wait(never, 0, 0, msPerSample)
    sample()
  }
}

function watchQueue(server, show) {
  let peak
  let served = 0
  const sample = (phase, last) => {
    const queue = readQueue(server)
    if (queue) peak = Math.max(peak ?? 0, queue.length)
    show({ phase, queue, served }, last)
    return queue
  }
  // Node accepts all that waits before any timer runs, so a timer alone would not see it drain. The timer
  // is for the time after that, when clients that found the queue full try again.
  server.on('connection', () => sample('serving'))
  server.on('request', () => served++)
  const timer = setInterval(() => served > 0 && sample('serving'), 20)
  return { sample, peak: () => peak, stop: () => clearInterval(timer) }
}

/** Windows has no way to ask. */
function readQueue(server) {
  return process.platform === 'win32' ? undefined : getAcceptQueue(server)
}

function startClient() {
  const child = fork(new URL('client.js', import.meta.url))
  const ended = once(child, 'exit').then(([code, signal]) => {
    throw new Error(`the client process ended early (${signal ?? `exit code ${code}`})`)
  })
  // At the end we stop it ourselves, when nobody waits for a message.
  ended.catch(() => {})
  return {
    message: async () => (await Promise.race([once(child, 'message'), ended]))[0],
    send: (message) => new Promise((sent) => child.send(message, sent)),
    stop: () => child.kill(),
  }
}
