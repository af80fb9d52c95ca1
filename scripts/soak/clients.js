// A thread with clients. Each connection ends in exactly one counted way, within its time.
import net from 'node:net'
import { getOption, resetConnection, setKeepAlive, setOptions } from 'net-sockopt'
import { answer, complain, heapAfterCollection } from './talk.js'
import { replyLength, verbs } from './verbs.js'

/** Longer than anything here takes, even on a busy machine. */
const patience = 30_000

/** What a client does: asks for a verb and waits, or goes away itself. */
const asks = ['e', 't', 'r', 'd', 'z', 'l', 'w']
const leaves = ['reset before it is accepted', 'reset', 'destroy']

let running = false
let lanes = []
const counts = new Map()

function countsOf(kind) {
  let found = counts.get(kind)
  if (!found) {
    found = { opened: 0, refused: 0, asTold: 0, left: 0, turnedAway: 0 }
    counts.set(kind, found)
  }
  return found
}

/** TCP_CLOSE in include/net/tcp_states.h. */
const tcpClose = 7

/** libuv makes an end of a reset that comes together with the last data (uv__stream_io); the kernel knows. */
function isReset(socket) {
  const [state] = getOption(socket, 'TCP_INFO')
  return state === tcpClose
}

/** The way it ended: 'end', or an error's code. */
function connection({ kind, place, verbs: letters = asks }, number) {
  return new Promise((resolve) => {
    const verb = letters[number % letters.length]
    // One of five leaves by itself.
    const leave = number % 5 === 4 ? leaves[number % leaves.length] : undefined
    const socket = net.connect(place.port, place.address)
    let bytes = 0
    let end
    const late = setTimeout(() => {
      complain(`${kind}: a connection (${leave ?? verbs[verb].name}) never ended`)
      socket.destroy()
    }, patience)
    // Half of them have options before they are connected.
    if (number % 2 === 0) {
      setOptions(socket, { TCP_NODELAY: true, TCP_SYNCNT: 2 })
      setKeepAlive(socket, { idle: 10_000, interval: 1000, count: 2 })
    }
    socket.on('connect', () => {
      if (leave === 'reset before it is accepted') return resetConnection(socket)
      socket.write(verb)
      if (leave === 'reset') resetConnection(socket)
      if (leave === 'destroy') socket.destroy()
    })
    socket.on('data', (data) => (bytes += data.length))
    // First of all, before Node ends its own side too.
    socket.prependListener('end', () => (end ??= isReset(socket) ? 'ECONNRESET' : 'end'))
    socket.on(
      'error',
      ({ code, syscall }) => (end ??= syscall === 'connect' ? `connect ${code}` : code),
    )
    socket.on('close', () => {
      clearTimeout(late)
      resolve({ end, bytes, verb, leave })
    })
  })
}

function count(counted, { end, bytes, verb, leave }, turnsAway) {
  if (end === 'connect ECONNREFUSED') {
    counted.refused++
    return
  }
  counted.opened++
  if (leave) counted.left++
  else if (bytes === replyLength && end === verbs[verb].sees) counted.asTold++
  else if (bytes === 0 && turnsAway) counted.turnedAway++
  else {
    complain(`${verbs[verb].name}: the client saw ${bytes} bytes and then ${end ?? 'a close'}`)
  }
}

/** One connection after the other. `numbers` is shared by the lanes of a server, so each does in turn. */
async function lane(target, numbers) {
  const counted = countsOf(target.kind)
  while (running) count(counted, await connection(target, numbers.next++), target.turnsAway)
}

answer({
  /** `targets`: where, how many connections at a time, and what is different there. */
  start(targets) {
    running = true
    lanes = targets.flatMap((target) => {
      const numbers = { next: 0 }
      return Array.from({ length: target.width }, () => lane(target, numbers))
    })
  },
  /** When the last connection has ended. */
  async stop() {
    running = false
    await Promise.all(lanes)
    return Object.fromEntries(counts)
  },
  heap: heapAfterCollection,
  close: () => void setImmediate(() => process.exit()),
})
