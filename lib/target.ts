/** From what the caller holds to the operating system's socket. Never a guess: no socket, an error. */
import { Socket as DatagramSocket } from 'node:dgram'
import { Server, Socket } from 'node:net'
import { descriptorOf } from './descriptor.js'
import {
  errnoOf,
  invalidType,
  invalidValue,
  outOfRange,
  systemError,
  targetError,
} from './errors.js'
import {
  datagramHandleOf,
  handleOf,
  isPipe,
  isStreamWrapper,
  isUnix,
  streamBelow,
  wasListening,
} from './node-internals.js'
import { platform } from './platform.js'

/** Anything that a socket option can be set on. */
export type SocketTarget =
  Socket | Server | DatagramSocket | { readonly fd: number } | { fd(): number } | number

/** What {@link socketOf} returns for a socket that has no descriptor yet, but may get one. */
export const notYet = -1

/** The descriptor of an open target; for one that has none yet, an error as well. */
export function openSocketOf(target: SocketTarget): number {
  const socket = socketOf(target)
  if (socket === notYet) {
    throw targetError('ERR_SOCKET_NOT_OPEN', 'The socket is not connected yet')
  }
  return socket
}

/** The descriptor of a target, or {@link notYet}. */
export function socketOf(target: SocketTarget): number {
  if (target instanceof Socket) {
    const fd = descriptorOf(handleOf(target))
    return fd !== undefined && fd >= 0 ? fd : socketless(target)
  }
  if (target instanceof Server) return listeningSocketOf(target)
  if (target instanceof DatagramSocket) return datagramSocketOf(target)
  if (typeof target === 'number') return checkDescriptor('target', target)
  return describedSocketOf(target)
}

function closed(what: string): Error {
  return targetError('ERR_SOCKET_CLOSED', `The ${what} is closed`)
}

function namedPipe(): Error {
  const hint = 'a named pipe of Windows is no socket'
  return systemError(errnoOf('ENOTSOCK'), 'getsockopt', { hint })
}

/** A net.Socket without a descriptor: not yet, not any more, or never. */
function socketless(socket: Socket): typeof notYet {
  if (socket.destroyed) throw closed('socket')
  if (platform === 'win32' && isUnix(socket)) throw namedPipe()
  const below = isStreamWrapper(socket) ? socket : streamBelow(socket)
  if (below !== undefined && isStreamWrapper(below)) {
    const reason = 'runs over a stream that is no socket; pass the socket below that stream'
    throw invalidValue('target', socket, reason)
  }
  return notYet
}

function listeningSocketOf(server: Server): number {
  const handle = handleOf(server)
  if (handle === null) {
    if (wasListening(server)) throw closed('server')
    const message =
      'The server is not listening yet; listenWithBacklog takes options that it sets before bind()'
    throw targetError('ERR_SOCKET_NOT_OPEN', message)
  }
  const fd = descriptorOf(handle)
  if (fd === undefined) {
    const message =
      'This cluster worker has no listening socket of its own: the primary process accepts for all of them. ' +
      'Listen with listenWithBacklog and { reusePort: true } or { exclusive: true }'
    throw targetError('ERR_SOCKET_SHARED', message)
  }
  if (fd < 0) throw platform === 'win32' && isPipe(handle) ? namedPipe() : closed('server')
  return fd
}

function datagramSocketOf(socket: DatagramSocket): number {
  const handle = datagramHandleOf(socket)
  if (handle === null) throw closed('socket')
  const fd = descriptorOf(handle)
  return fd !== undefined && fd >= 0 ? fd : notYet
}

function describedSocketOf(target: unknown): number {
  if (typeof target !== 'object' || target === null || !('fd' in target)) {
    const expected =
      'a net.Socket, tls.TLSSocket, net.Server, dgram.Socket, an object with fd, or a descriptor'
    throw invalidType('target', expected, target)
  }
  if (typeof target.fd === 'function') {
    return checkDescriptor('target.fd()', (target as { fd(): unknown }).fd())
  }
  return checkDescriptor('target.fd', target.fd)
}

function checkDescriptor(name: string, fd: unknown): number {
  if (typeof fd !== 'number') throw invalidType(name, 'a number (descriptor)', fd)
  // A SOCKET of Windows fits as well (native/socket.h).
  if (!Number.isInteger(fd) || fd < 0 || fd > 2 ** 31 - 1) {
    throw outOfRange(name, 'a descriptor (>= 0 and <= 2147483647)', fd)
  }
  return fd
}
