// A thread (or, short of descriptors, a process) with servers of several kinds, each with exact counters.
import { once } from 'node:events'
import net from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { getAcceptQueue, listenWithBacklog, TcpListener } from 'net-sockopt'
import { answer, complain, heapAfterCollection } from './talk.js'
import { attend } from './verbs.js'

/** Long enough that it never overflows: the kernel would drop what nobody has counted. */
const backlog = 4000

class Counted {
  accepted = 0
  closed = 0
  turnedAway = 0
  stale = () => 0
  acceptErrors = 0
  aborted = 0

  take(socket) {
    this.accepted++
    attend(socket, () => this.closed++)
  }
}

function serverOf(counted) {
  const server = net.createServer((socket) => counted.take(socket))
  server.on('drop', () => counted.turnedAway++)
  return server
}

async function listenerOf(counted, host, stale) {
  const listener = await TcpListener.listen({ host, port: 0, backlog, stale })
  listener.on('acceptError', ({ code }) => {
    counted.acceptErrors++
    if (code !== 'EMFILE') complain(`acceptError ${code}`)
  })
  counted.stale = () => listener.droppedStale
  counted.queue = () => listener.queue.length
  counted.check = () => {
    if (listener.accepted !== counted.accepted) {
      complain(`the listener counts ${listener.accepted} accepted, its program ${counted.accepted}`)
    }
  }
  counted.address = () => listener.address()
  counted.close = () => listener.close({ timeout: 1000 })
  return listener
}

async function plain(counted, host, start, options = {}) {
  const server = Object.assign(serverOf(counted), options)
  await start(server)
  counted.queue = () => getAcceptQueue(server).length
  counted.address = () => server.address()
  counted.close = () => new Promise((resolve) => server.close(resolve))
}

async function ended(error) {
  if (error.code !== 'ERR_SOCKET_CLOSED') complain(`accept: ${error.stack}`)
}

/** Three of four calls are aborted, at once or a turn later; whoever got a connection has it. */
async function acceptAndAbort(counted, listener) {
  for (let call = 0; !listener.closed; call++) {
    const controller = new AbortController()
    const accepting = listener.accept({ signal: controller.signal })
    if (call % 4 !== 0) {
      const abort = () => controller.abort()
      if (call % 2 === 0) abort()
      else setImmediate(abort)
    }
    try {
      counted.take(await accepting)
    } catch (error) {
      if (error.code !== 'ABORT_ERR') return ended(error)
      counted.aborted++
      await turn()
    }
  }
}

const kinds = {
  'net.Server': (counted, host) =>
    plain(counted, host, async (server) => {
      server.listen({ host, port: 0, backlog })
      await once(server, 'listening')
    }),
  'net.Server, maxConnections': (counted, host) =>
    plain(
      counted,
      host,
      async (server) => {
        server.listen({ host, port: 0, backlog })
        await once(server, 'listening')
      },
      { maxConnections: 3 },
    ),
  listenWithBacklog: (counted, host) =>
    plain(counted, host, (server) =>
      listenWithBacklog(server, {
        host,
        port: 0,
        backlog,
        keepAlive: { idle: 60_000, interval: 1000, count: 2 },
        socketOptions: { TCP_USER_TIMEOUT: 30_000 },
      }),
    ),
  'accept, aborted': async (counted, host) => {
    const listener = await listenerOf(counted, host, 'keep')
    for (let i = 0; i < 4; i++) void acceptAndAbort(counted, listener)
  },
  'for await': async (counted, host) => {
    const listener = await listenerOf(counted, host, 'keep')
    void (async () => {
      for await (const socket of listener) counted.take(socket)
    })()
  },
  'serve, maxConnections': async (counted, host) => {
    const listener = await listenerOf(counted, host, 'keep')
    listener.serve(serverOf(counted), { maxConnections: 20 })
  },
  'serve, drop-ended': async (counted, host) => {
    const listener = await listenerOf(counted, host, 'drop-ended')
    listener.serve(serverOf(counted))
  },
  'serve, EMFILE': async (counted, host) => {
    const listener = await listenerOf(counted, host, 'keep')
    listener.serve(serverOf(counted))
  },
}

const open = new Map()

answer({
  /** `{ kind: host }`; where they listen. */
  async open(hosts) {
    const places = {}
    for (const [kind, host] of Object.entries(hosts)) {
      const counted = new Counted()
      await kinds[kind](counted, host)
      open.set(kind, counted)
      places[kind] = counted.address()
    }
    return places
  },
  report() {
    const report = {}
    for (const [kind, counted] of open) {
      counted.check?.()
      const { accepted, closed, turnedAway, acceptErrors, aborted } = counted
      const numbers = { accepted, closed, turnedAway, acceptErrors, aborted }
      report[kind] = { ...numbers, stale: counted.stale(), queue: counted.queue() }
    }
    return report
  },
  heap: heapAfterCollection,
  resident: () => process.memoryUsage().rss,
  async close() {
    await Promise.all([...open.values()].map((counted) => counted.close()))
    setImmediate(() => process.exit())
  },
})
