// What a client asks for with its first byte, what the server does then, and what the client must see.
import {
  closeLingering,
  closeWithoutTimeWait,
  disconnect,
  getKeepAlive,
  getOptions,
  resetConnection,
  setKeepAlive,
  setLinger,
  setOptions,
  setUserTimeout,
} from 'net-sockopt'
import { complain } from './talk.js'

const reply = Buffer.alloc(1000, 'x')
/** More than a client reads that is killed: its kernel answers the rest with a reset. */
const long = Buffer.alloc(64 * 1024, 'x')

/** `sees`: how the connection must end for a client that stays, after the whole reply. */
export const verbs = {
  e: { name: 'end', sees: 'end', run: (socket) => socket.end(reply) },
  t: {
    name: 'destroy',
    sees: 'end',
    run(socket) {
      socket.write(reply)
      socket.destroy()
    },
  },
  r: {
    name: 'resetConnection',
    sees: 'ECONNRESET',
    run(socket) {
      socket.write(reply)
      resetConnection(socket)
    },
  },
  d: {
    name: 'disconnect',
    sees: 'ECONNRESET',
    run(socket) {
      socket.write(reply)
      disconnect(socket)
    },
  },
  z: {
    name: 'setLinger 0',
    sees: 'ECONNRESET',
    run(socket) {
      socket.write(reply)
      setLinger(socket, 0)
      socket.destroy()
    },
  },
  l: {
    name: 'closeLingering',
    sees: 'end',
    async run(socket) {
      socket.write(reply)
      const { acknowledged } = await closeLingering(socket, 10_000)
      if (!acknowledged) complain('closeLingering: not acknowledged in ten seconds')
    },
  },
  w: {
    name: 'closeWithoutTimeWait',
    sees: 'ECONNRESET',
    async run(socket) {
      socket.write(reply)
      const { unacknowledged } = await closeWithoutTimeWait(socket, { timeout: 10_000 })
      if (unacknowledged > 0) complain(`closeWithoutTimeWait: ${unacknowledged} bytes left`)
    },
  },
  h: { name: 'hold', run: (socket) => socket.write(long) },
}

export const replyLength = reply.length

/** The client may have gone: a verb then fails with its error, or finds the socket closed. */
const gone = new Set(['ECONNRESET', 'EPIPE', 'ERR_SOCKET_CLOSED', 'ENOTCONN'])

/** The options of every connection, set and read back. */
function tune(socket) {
  setOptions(socket, { TCP_NODELAY: true, SO_SNDBUF: 100_000, TCP_KEEPCNT: 4 })
  setKeepAlive(socket, { idle: 30_000, interval: 5000, count: 3 })
  setUserTimeout(socket, 20_000)
  const { TCP_NODELAY, TCP_KEEPIDLE } = getOptions(socket, ['TCP_NODELAY', 'TCP_KEEPIDLE'])
  const { count } = getKeepAlive(socket)
  if (!TCP_NODELAY || TCP_KEEPIDLE !== 30 || count !== 3) complain('options read back wrong')
}

/** Serves one accepted connection; `onClose` when it is gone. */
export function attend(socket, onClose) {
  socket.on('error', ({ code, message }) => {
    if (!gone.has(code)) complain(`accepted socket: ${message}`)
  })
  socket.once('close', onClose)
  socket.once('data', async (data) => {
    try {
      tune(socket)
      await verbs[String.fromCharCode(data[0])].run(socket)
    } catch (error) {
      if (!gone.has(error.code)) complain(`accepted socket: ${error.stack}`)
    }
  })
}
