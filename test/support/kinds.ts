/** A socket of each kind that an option may belong to. */
import dgram from 'node:dgram'
import { once } from 'node:events'
import net from 'node:net'
import { onTestFinished } from 'vitest'
import { familyNumbers } from '../../lib/address.js'
import { native } from '../../lib/binding.js'
import type { SocketTarget } from '../../lib/index.js'
import { platform } from '../../lib/platform.js'
import { temporaryPath } from './files.js'
import { connected, listening, tcpPair } from './sockets.js'

const sockStream = 1
const sockDgram = 2

const makers = {
  /** Connected, the client's end. */
  tcp: async () => (await tcpPair()).client,
  tcp6: async () => (await tcpPair('::1')).client,
  /** Bound. */
  udp: () => boundDatagram('udp4'),
  udp6: () => boundDatagram('udp6'),
  /** Connected, the client's end. */
  unix: unixClient,
  listener: () => listening(net.createServer()),
  listener6: () => listening(net.createServer(), { port: 0, host: '::1' }),
  /** Neither bound nor connected: a bare descriptor. */
  unbound: () => openSocket(4, 'stream'),
  unbound6: () => openSocket(6, 'stream'),
  unboundUdp: () => openSocket(4, 'datagram'),
} satisfies Record<string, () => SocketTarget | Promise<SocketTarget>>

export type Kind = keyof typeof makers

/** A socket of that kind, closed when the test is over. */
export async function socketOfKind(kind: Kind): Promise<SocketTarget> {
  return makers[kind]()
}

/** A bare descriptor, closed when the test is over. */
export function openSocket(family: 4 | 6, type: 'stream' | 'datagram'): number {
  const number = type === 'stream' ? sockStream : sockDgram
  const fd = native.open(familyNumbers[platform][family], number, 0)
  if (fd < 0) throw new Error(`no socket: ${fd}`)
  onTestFinished(() => void native.close(fd))
  return fd
}

export async function boundDatagram(type: dgram.SocketType, address?: string) {
  const socket = dgram.createSocket(type)
  onTestFinished(() => {
    try {
      socket.close()
    } catch {
      // The test has closed it.
    }
  })
  socket.bind(0, address)
  await once(socket, 'listening')
  return socket
}

async function unixClient(): Promise<net.Socket> {
  const path = temporaryPath('unix.sock')
  await listening(net.createServer(), { path })
  return connected({ path })
}
