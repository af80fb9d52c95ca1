/**
 * Nothing here may act on a descriptor that Node has closed meanwhile: a socket is closed at every step of
 * every verb, and others are opened that get its number. They must not notice.
 */
import { once } from 'node:events'
import net from 'node:net'
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import {
  closeLingering,
  closeWithoutTimeWait,
  disconnect,
  getLinger,
  getOption,
  resetConnection,
} from '../../lib/index.js'
import { descriptorOf } from '../../lib/descriptor.js'
import { handleOf } from '../../lib/node-internals.js'
import { mebibyte } from '../support/closing.js'
import { openedSince, openSockets } from '../support/descriptors.js'
import { listening, portOf } from '../support/sockets.js'
import { isWindows, isWine } from '../support/system.js'
import { until } from '../support/until.js'

const verbs: Record<string, (socket: net.Socket) => unknown> = {
  resetConnection,
  disconnect,
  closeWithoutTimeWait: (socket) => closeWithoutTimeWait(socket, { timeout: 25 }),
  closeLingering: (socket) => closeLingering(socket, 25),
}

/** How a socket may end: by the program, or by its peer. */
const ends: Record<string, (socket: net.Socket, peer: net.Socket) => unknown> = {
  'destroy()': (socket) => socket.destroy(),
  'destroy(error)': (socket) => socket.destroy(new Error('the program says so')),
  'end()': (socket) => socket.end(),
  'resetAndDestroy()': (socket) => socket.resetAndDestroy(),
  'the peer resets': (_socket, peer) => peer.resetAndDestroy(),
  'the peer closes': (_socket, peer) => peer.destroy(),
  'the peer reads on': (_socket, peer) => peer.resume(),
}

async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await turn()
}

/** When it happens, counted from the call; undefined is before it. */
const steps: Record<string, ((socket: net.Socket) => unknown) | undefined> = {
  'before the call': undefined,
  'in the same breath': () => undefined,
  'in a microtask': () => Promise.resolve(),
  'in the next tick': () => new Promise<void>((resolve) => process.nextTick(resolve)),
  ...Object.fromEntries([1, 2, 3, 4].map((count) => [`${count} turns later`, () => turns(count)])),
  ...Object.fromEntries([1, 3, 7, 15, 24].map((ms) => [`${ms} ms later`, () => sleep(ms)])),
  ...Object.fromEntries(
    ['finish', 'end', 'close', 'error', 'drain'].map((event) => [
      `on '${event}'`,
      (socket: net.Socket) =>
        Promise.race([new Promise((resolve) => socket.once(event, resolve)), sleep(30)]),
    ]),
  ),
}

/** Wine looks through a list of all connections for the state of one: every fourth step is enough there. */
const stepsHere = Object.entries(steps).filter((_step, i) => !isWine || i % 4 === 0)

/** Sockets that get the numbers that have become free. */
class Witnesses {
  readonly #server: net.Server
  readonly all: net.Socket[] = []

  constructor(server: net.Server) {
    this.#server = server
  }

  /** Descriptors that nobody has are given out again, the lowest first. */
  async call(count: number): Promise<void> {
    const fresh = Array.from({ length: count }, () =>
      net.connect(portOf(this.#server), '127.0.0.1'),
    )
    for (const socket of fresh) socket.on('error', () => undefined)
    this.all.push(...fresh)
    await Promise.all(fresh.map((socket) => once(socket, 'connect')))
  }

  numbers(): (number | undefined)[] {
    return this.all.map((socket) => descriptorOf(handleOf(socket)))
  }

  async stillWell(): Promise<string[]> {
    const reports = this.all.map(async (socket) => {
      if (socket.destroyed) return 'destroyed'
      const answer = once(socket, 'data')
      socket.write('well?')
      const seen = await Promise.race([answer, sleep(2000)])
      if (seen === undefined) return 'silent'
      if (getLinger(socket) !== null) return 'SO_LINGER was set'
      if (getOption(socket, 'SO_KEEPALIVE')) return 'SO_KEEPALIVE was set'
      return 'well'
    })
    return Promise.all(reports)
  }

  dismiss(): void {
    for (const socket of this.all.splice(0)) socket.destroy()
  }
}

async function pair(server: net.Server): Promise<[net.Socket, net.Socket]> {
  const accepting = once(server, 'connection') as Promise<[net.Socket]>
  const peer = net.connect(portOf(server), '127.0.0.1')
  peer.on('error', () => undefined).pause()
  await once(peer, 'connect')
  const [socket] = await accepting
  socket.on('error', () => undefined)
  return [socket, peer]
}

/** One ending at one step; whether a witness got the number of the socket that was closed. */
async function closedMeanwhile(
  [server, witnesses]: [net.Server, Witnesses],
  verb: (socket: net.Socket) => unknown,
  end: (socket: net.Socket, peer: net.Socket) => unknown,
  step: ((socket: net.Socket) => unknown) | undefined,
): Promise<boolean> {
  const [socket, peer] = await pair(server)
  const number = descriptorOf(handleOf(socket))
  // Too much for both kernels, so that whatever waits has something to wait for.
  socket.write(Buffer.alloc(6 * mebibyte))
  if (step === undefined) await end(socket, peer)
  // It may be refused, or fail; it may not touch others.
  const outcome = Promise.resolve()
    .then(() => verb(socket))
    .catch(() => undefined)
  if (step !== undefined) {
    await step(socket)
    await end(socket, peer)
  }
  await turn()
  await witnesses.call(3)
  await outcome
  socket.destroy()
  peer.destroy()
  return witnesses.numbers().includes(number)
}

describe.each(Object.entries(verbs))('%s', (_name, verb) => {
  test.for(Object.entries(ends))('%s at every step', async ([, end]) => {
    const witnessServer = await listening(net.createServer((socket) => socket.pipe(socket)))
    const server = await listening(net.createServer())
    const witnesses = new Witnesses(witnessServer)
    const before = openSockets()
    let reused = 0
    for (const [name, step] of stepsHere) {
      if (await closedMeanwhile([server, witnesses], verb, end, step)) reused++
      const reports = await witnesses.stillWell()
      expect(reports, name).toEqual(reports.map(() => 'well'))
      witnesses.dismiss()
    }
    // Otherwise nothing would have been tested. Windows does not give the lowest number first.
    if (!isWindows) expect(reused).toBeGreaterThan(0)
    await until(() => openedSince(before).length === 0)
  })
})
