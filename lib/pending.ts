/**
 * Options for a socket that has no descriptor yet: kept, and set the moment it has one, before the
 * caller's own 'connect' listener runs. A TCP socket gets its descriptor from us at the start of each
 * connection attempt, so that what counts before connect(2) counts: TCP_SYNCNT, SO_RCVBUF, SO_MARK.
 */
import type dgram from 'node:dgram'
import net from 'node:net'
import { familyNumbers } from './address.js'
import { native } from './binding.js'
import { invalidType, systemError } from './errors.js'
import { handleOf, streamBelow } from './node-internals.js'
import { platform } from './platform.js'
import { notYet, socketOf, type SocketTarget } from './target.js'

/** Sets an option on a descriptor, or throws. */
export type SocketAction = (socket: number) => void

/** Does the target have no descriptor yet, or one that the next connection attempt replaces? */
export function isPending(target: SocketTarget, socket: number): boolean {
  return socket === notYet || (target instanceof net.Socket && target.connecting)
}

/** Runs an action on the target's descriptor: now if it has one, and on each that it still gets. */
export function onSocket(target: SocketTarget, action: SocketAction): void {
  const socket = socketOf(target)
  if (socket !== notYet) action(socket)
  if (isPending(target, socket)) keep(target, action, socket)
}

const waiting = new WeakMap<object, SocketAction[]>()

function keep(target: SocketTarget, action: SocketAction, socket: number): void {
  if (typeof target !== 'object') throw invalidType('target', 'a socket', target)
  const kept = waiting.get(target)
  if (kept !== undefined) {
    kept.push(action)
    return
  }
  const actions = [action]
  waiting.set(target, actions)
  if (target instanceof net.Socket) awaitConnection(target, actions, socket)
  else awaitBinding(target as dgram.Socket, actions)
}

function awaitBinding(socket: dgram.Socket, actions: SocketAction[]): void {
  socket.prependOnceListener('listening', () => {
    waiting.delete(socket)
    try {
      for (const action of actions) action(socketOf(socket))
    } catch (error) {
      socket.close()
      socket.emit('error', error as Error)
    }
  })
}

function awaitConnection(socket: net.Socket, actions: SocketAction[], descriptor: number): void {
  // The connection below a TLS socket is what gets the descriptor and tells of its attempts.
  const connection = streamBelow(socket) ?? socket
  // The handle that has the options already: each attempt makes a new one.
  let done = descriptor === notYet ? undefined : handleOf(socket)

  const apply = (): void => {
    const handle = handleOf(socket)
    if (handle === null || handle === done) return
    done = handle
    for (const action of actions) action(socketOf(socket))
  }
  const onAttempt = (_address: string, _port: number, family: number): void => {
    try {
      if (family === 4 || family === 6) openEarly(connection, family)
      if ((handleOf(connection)?.fd ?? -1) >= 0) apply()
    } catch (error) {
      // Not in this tick: Node is about to use the handle.
      process.nextTick(() => socket.destroy(error as Error))
    }
  }
  const onConnect = (): void => {
    stop()
    try {
      apply()
    } catch (error) {
      socket.destroy(error as Error)
    }
  }
  const stop = (): void => {
    waiting.delete(socket)
    connection.off('connectionAttempt', onAttempt)
    connection.off('connect', onConnect)
    connection.off('close', stop)
  }
  connection.on('connectionAttempt', onAttempt)
  connection.prependListener('connect', onConnect)
  connection.on('close', stop)
}

/** Gives a handle that is about to connect its descriptor, unless a local address already did. */
function openEarly(connection: net.Socket, family: 4 | 6): void {
  const handle = handleOf(connection)
  if (handle === null || (handle.fd ?? -1) >= 0) return
  const fd = native.open(familyNumbers[platform][family], sockStream, 0)
  if (fd < 0) throw systemError(fd, 'socket')
  const error = handle.open(fd)
  if (error === 0) return
  native.close(fd)
  throw systemError(error, 'socket')
}

const sockStream = 1
