/**
 * The way from a handle to its socket that Windows needs (native/find-socket.cc). It works everywhere, so on
 * Linux each answer is held against `handle.fd`.
 */
import dgram from 'node:dgram'
import { once } from 'node:events'
import http from 'node:http'
import net from 'node:net'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { native } from '../../lib/binding.js'
import { descriptorOf, findSocket } from '../../lib/descriptor.js'
import { errnoOf } from '../../lib/errors.js'
import {
  adoptTcp,
  datagramHandleOf,
  type Handle,
  handleOf,
  handleType,
} from '../../lib/node-internals.js'
import { certificate } from '../support/certificate.js'
import { temporaryPath } from '../support/files.js'
import { boundDatagram } from '../support/kinds.js'
import { connected, listening, portOf, tcpPair } from '../support/sockets.js'
import { isWindows } from '../support/system.js'
import { tlsEnds } from '../support/tls.js'

function handleBehind(socket: net.Socket | net.Server | dgram.Socket): Handle {
  const handle = socket instanceof dgram.Socket ? datagramHandleOf(socket) : handleOf(socket)
  if (handle === null) throw new Error('no handle')
  return handle._parent ?? handle
}

/** Both ports of a TCP socket, as the system has them: by a handle around another descriptor of it. */
function portsBehind(socket: number): (number | undefined)[] {
  const copy = native.duplicate(socket)
  const handle = adoptTcp(copy, handleType.socket)
  if (typeof handle === 'number') throw new Error(`not adopted: ${handle}`)
  const probe = new net.Socket({ handle } as net.SocketConstructorOpts)
  const ports = [probe.localPort, probe.remotePort]
  probe.destroy()
  return ports
}

function expectFound(socket: net.Socket | net.Server | dgram.Socket): void {
  const handle = handleBehind(socket)
  const found = findSocket(handle)
  expect(found).toBeGreaterThan(0)
  expect(found).toBe(isWindows ? descriptorOf(handle) : handle.fd)
  expect(findSocket(handle)).toBe(found)
}

let pem: { key: string; cert: string }
beforeAll(async () => {
  pem = await certificate()
})

describe('finds the socket of', () => {
  test('both ends and the listener', async () => {
    for (const host of ['127.0.0.1', '::1'] as const) {
      const { server, client, accepted } = await tcpPair(host)
      for (const socket of [server, client, accepted]) expectFound(socket)
      const clientPorts = portsBehind(findSocket(handleBehind(client)))
      expect(clientPorts).toEqual([client.localPort, portOf(server)])
      const acceptedPorts = portsBehind(findSocket(handleBehind(accepted)))
      expect(acceptedPorts).toEqual([portOf(server), client.localPort])
    }
  })

  test('a listener for IPv6 and IPv4, and of an HTTP server', async () => {
    expectFound(await listening(net.createServer(), { port: 0 }))
    expectFound(await listening(http.createServer()))
  })

  test('both ends of TLS', async () => {
    const { server, client, accepted } = await tlsEnds(pem)
    for (const socket of [server, client, accepted]) expectFound(socket)
  })

  test.for(['udp4', 'udp6'] as const)('a %s socket', async (type) => {
    expectFound(await boundDatagram(type))
  })

  test.skipIf(isWindows)('both ends of a Unix socket', async () => {
    const path = temporaryPath('unix.sock')
    expectFound(await listening(net.createServer(), { path }))
    expectFound(await connected({ path }))
  })

  test('one that is paused, half closed, or does not keep the process alive', async () => {
    const { client, accepted } = await tcpPair()
    client.pause()
    expectFound(client)
    accepted.unref()
    expectFound(accepted)
    expect(handleBehind(accepted).hasRef?.()).toBe(false)
    client.end()
    await once(accepted.resume(), 'end')
    expectFound(client)
    expect(handleBehind(client).hasRef?.()).toBe(true)
  })
})

test('none, where there is none yet or no more', async () => {
  const { client } = await tcpPair()
  const handle = handleBehind(client)
  client.destroy()
  expect(findSocket(handle)).toBe(errnoOf('EBADF'))
  await once(client, 'close')
  expect(findSocket(handle)).toBe(errnoOf('EBADF'))
  const fresh = new net.Socket()
  fresh.on('error', () => undefined)
  fresh.connect({ host: 'a.invalid', port: 1, lookup: () => undefined })
  expect(findSocket(handleBehind(fresh))).toBe(errnoOf('EBADF'))
  fresh.destroy()
  expect(findSocket({} as Handle)).toBe(-1)
})

test('a toggle that changes nothing, changes too much, throws, or is none finds none', async () => {
  const { client, accepted } = await tcpPair()
  const [a, b] = [handleBehind(client), handleBehind(accepted)]
  const toggle = (handle: Handle): void => (handle.hasRef?.() ? handle.unref?.() : handle.ref?.())
  const both = (): void => [a, b].forEach(toggle)
  expect(native.findSocket(() => undefined)).toBe(errnoOf('EBADF'))
  expect(native.findSocket(both)).toBe(errnoOf('EBADF'))
  expect(a.hasRef?.()).toBe(true)
  expect(() =>
    native.findSocket(() => {
      throw new Error('thrown by the toggle')
    }),
  ).toThrow('thrown by the toggle')
  expect(native.findSocket(5 as never)).toBe(errnoOf('EINVAL'))
  expect((native.findSocket as () => number)()).toBe(errnoOf('EINVAL'))
})

/** So many of every kind: clients, their other ends in the order of accepting, and UDP sockets. */
async function crowd(count: number) {
  const server = net.createServer()
  const accepted: net.Socket[] = []
  const clients: net.Socket[] = []
  const datagrams: dgram.Socket[] = []
  server.on('connection', (socket) => {
    socket.on('error', () => undefined)
    accepted.push(socket)
  })
  await listening(server, { port: 0, host: '127.0.0.1', backlog: count })
  onTestFinished(() => {
    for (const socket of [...clients, ...accepted]) socket.destroy()
    for (const socket of datagrams) socket.close()
  })
  for (let i = 0; i < count; i += 50) {
    const some = Array.from({ length: 50 }, () => net.connect(portOf(server), '127.0.0.1'))
    for (const socket of some) socket.on('error', () => undefined)
    clients.push(...some)
    await Promise.all(some.map((socket) => once(socket, 'connect')))
    for (let j = 0; j < 50; j++) datagrams.push(dgram.createSocket('udp4').bind(0, '127.0.0.1'))
  }
  await Promise.all(datagrams.map(async (socket) => handleIsOpen(socket)))
  return { server, clients, accepted, datagrams }
}

test('1,000 of every kind, while others close: each its own, and each the right one', async () => {
  const { server, clients, accepted, datagrams } = await crowd(1000)
  const found = new Map<number, net.Socket | dgram.Socket>()
  const find = (socket: net.Socket | dgram.Socket | undefined): void => {
    if (socket === undefined || (socket as net.Socket).destroyed) return
    const handle = handleBehind(socket)
    const number = findSocket(handle)
    if (!isWindows) expect(number).toBe(handle.fd)
    expect(number).toBeGreaterThan(0)
    found.set(number, socket)
  }
  for (let i = 0; i < 1000; i++) {
    // Every third client goes away in the middle of it, and so does its other end.
    if (i % 3 === 0) clients[i]?.destroy()
    for (const socket of [clients[i], datagrams[i], accepted[i]]) find(socket)
    if (i % 100 === 0) await new Promise(setImmediate)
  }
  const open = clients.filter((socket) => !socket.destroyed)
  expect(open.length).toBeGreaterThan(600)
  for (const socket of open.slice(0, 100)) {
    const number = findSocket(handleBehind(socket))
    expect(found.get(number)).toBe(socket)
    expect(portsBehind(number)).toEqual([socket.localPort, portOf(server)])
  }
})

async function handleIsOpen(socket: dgram.Socket): Promise<void> {
  try {
    socket.address()
  } catch {
    await once(socket, 'listening')
  }
}
