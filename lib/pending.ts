/**
 * Options for a socket that has no descriptor yet: kept, and set the moment it has one, before the
 * caller's own 'connect' listener runs. A TCP socket gets its descriptor from us at the start of each
 * connection attempt, so that what counts before connect(2) counts: TCP_SYNCNT, SO_RCVBUF, SO_MARK.
 */
import type dgram from 'node:dgram'
import type net from 'node:net'
import { Socket } from 'node:net'
import { familyNumbers } from './address.js'
import { applyEntries, type Entry } from './batch.js'
import { native } from './binding.js'
import { descriptorOf, openHandle } from './descriptor.js'
import { invalidType, systemError } from './errors.js'
import { type Handle, handleOf, ownerOf, streamBelow } from './node-internals.js'
import { platform } from './platform.js'
import { checkRuntime } from './runtime.js'
import { notYet, socketOf, type SocketTarget } from './target.js'

/** Does the target have no descriptor yet, or one that the next connection attempt replaces? */
export function isPending(target: SocketTarget, socket: number): boolean {
  return socket === notYet || ((target as net.Socket).connecting && target instanceof Socket)
}

/** Sets options on the target's descriptor: now if it has one, and on each that it still gets. */
export function applyNowOrLater(target: SocketTarget, entries: readonly Entry[]): void {
  const socket = socketOf(target)
  if (socket !== notYet) applyEntries(socket, entries)
  if (isPending(target, socket)) keep(target, entries)
}

const kept = new WeakMap<object, Entry[]>()

function keep(target: SocketTarget, entries: readonly Entry[]): void {
  if (typeof target !== 'object') throw invalidType('target', 'a socket', target)
  if (target instanceof Socket) {
    const instead = "set it when the socket has emitted 'connect'"
    checkRuntime('An option before the connection', ['Node'], instead)
  }
  const before = kept.get(target)
  if (before !== undefined) {
    before.push(...entries)
    return
  }
  const all = [...entries]
  kept.set(target, all)
  if (target instanceof Socket) new AwaitedConnection(target, all)
  else awaitBinding(target as dgram.Socket, all)
}

function awaitBinding(socket: dgram.Socket, entries: readonly Entry[]): void {
  socket.prependOnceListener('listening', () => {
    kept.delete(socket)
    try {
      applyEntries(socketOf(socket), entries)
    } catch (error) {
      socket.close()
      socket.emit('error', error as Error)
    }
  })
}

/** Node sets these itself once it is connected, if net.connect() or an Agent was told so (net.js, afterConnect). */
const setByNode = [
  'SIO_KEEPALIVE_VALS',
  'SO_KEEPALIVE',
  'TCP_KEEPCNT',
  'TCP_KEEPIDLE',
  'TCP_KEEPINTVL',
  'TCP_NODELAY',
]

/** A socket on its way to being connected, with the options that it is to have. */
class AwaitedConnection {
  readonly #target: net.Socket
  readonly #entries: readonly Entry[]
  /** The connection below a TLS socket is what gets the descriptor and tells of its attempts. */
  readonly #connection: net.Socket
  /** The handle that has the options: each attempt makes a new one. */
  #done: Handle | null

  constructor(target: net.Socket, entries: readonly Entry[]) {
    this.#target = target
    this.#entries = entries
    this.#connection = streamBelow(target) ?? target
    this.#done = socketOf(target) === notYet ? null : handleOf(target)
    this.#connection.on('connectionAttempt', this.#onAttempt)
    this.#connection.prependListener('connect', this.#onConnect)
    this.#connection.on('close', this.#stop)
  }

  readonly #onAttempt = (_address: string, _port: number, family: number): void => {
    try {
      if (family === 4 || family === 6) openEarly(this.#connection, family)
      if ((descriptorOf(handleOf(this.#connection)) ?? -1) < 0) return
      applyEntries(socketOf(this.#target), this.#entries)
      this.#done = handleOf(this.#target)
    } catch (error) {
      // Not in this tick: Node is about to use the handle.
      process.nextTick(() => this.#fail(error as Error))
    }
  }

  readonly #onConnect = (): void => {
    this.#stop()
    const isDone = handleOf(this.#target) === this.#done
    const missing = isDone
      ? this.#entries.filter(({ option }) => setByNode.includes(option.name))
      : this.#entries
    try {
      applyEntries(socketOf(this.#target), missing)
    } catch (error) {
      this.#fail(error as Error)
    }
  }

  readonly #stop = (): void => {
    kept.delete(this.#target)
    this.#connection.off('connectionAttempt', this.#onAttempt)
    this.#connection.off('connect', this.#onConnect)
    this.#connection.off('close', this.#stop)
  }

  /** As a failed connect does. The socket of an HTTP/2 session is a proxy that cannot be destroyed itself. */
  #fail(error: Error): void {
    this.#stop()
    const owner = ownerOf(handleOf(this.#target)) ?? this.#target
    owner.destroy(error)
  }
}

/** Gives a handle that is about to connect its descriptor, unless a local address already did. */
function openEarly(connection: net.Socket, family: 4 | 6): void {
  const handle = handleOf(connection)
  if (handle === null || (descriptorOf(handle) ?? -1) >= 0) return
  const fd = native.open(familyNumbers[platform][family], sockStream, 0)
  if (fd < 0) throw systemError(fd, 'socket')
  const error = openHandle(handle, fd)
  if (error === 0) return
  native.close(fd)
  throw systemError(error, 'socket')
}

const sockStream = 1
