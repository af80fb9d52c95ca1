/** The requests of WSAIoctl, on sockets: what Wine and Windows answer, and what Wine does not know. */
import type net from 'node:net'
import { isIPv4 } from 'node:net'
import { describe, expect, test } from 'vitest'
import { getOption, ioctl, ioctls, type SocketTarget } from '../../lib/index.js'
import { ioctlTable, type IoctlRow } from '../../lib/ioctls.js'
import { errorOf } from '../support/errors.js'
import { type Kind, socketOfKind } from '../support/kinds.js'
import { descriptorOf } from '../support/python.js'
import { isRealWindows, isWindows } from '../support/system.js'
import { wineRefusal } from '../support/wine-refusals.js'

type Name = keyof typeof ioctlTable

const request = ioctl as unknown as (socket: SocketTarget, name: Name, input?: unknown) => any

const inputs: Partial<Record<Name, unknown>> = {
  SIO_ACQUIRE_PORT_RESERVATION: { StartPort: 0, NumberOfPorts: 1 },
  SIO_ASSOCIATE_PORT_RESERVATION: 1n,
  SIO_CPU_AFFINITY: 0,
  SIO_GET_TX_TIMESTAMP: 1,
  SIO_KEEPALIVE_VALS: { onoff: 1, keepalivetime: 5000, keepaliveinterval: 1000 },
  SIO_LOOPBACK_FAST_PATH: true,
  SIO_MULTICAST_SCOPE: 1,
  SIO_RCVALL: 0,
  SIO_RELEASE_PORT_RESERVATION: 1n,
  SIO_ROUTING_INTERFACE_QUERY: { address: '127.0.0.1', port: 0 },
  SIO_SET_PRIORITY_HINT: 1,
  SIO_SET_WFP_CONNECTION_REDIRECT_RECORDS: Buffer.alloc(4),
  SIO_TCP_INITIAL_RTO: { Rtt: 1000, MaxSynRetransmissions: 2 },
  SIO_TCP_SET_ACK_FREQUENCY: 1,
  SIO_TCP_SET_ICW: 1,
  SIO_TIMESTAMPING: { Flags: 0, TxTimestampsBuffered: 0 },
  SIO_UDP_CONNRESET: false,
  SIO_UDP_NETRESET: false,
}

const tcpEstablished = 4

/** What is known of answers; those that Wine refuses are for Windows itself. */
const answers: Partial<Record<Name, (send: (socket: SocketTarget) => any) => Promise<void>>> = {
  async SIO_ADDRESS_LIST_QUERY(send) {
    const addresses = send(await socketOfKind('tcp')) as { address: string }[]
    expect(addresses.length).toBeGreaterThan(0)
    for (const { address } of addresses) expect(isIPv4(address)).toBe(true)
  },
  async SIO_BASE_HANDLE(send) {
    const socket = (await socketOfKind('tcp')) as net.Socket
    expect(Number(send(socket))).toBe(descriptorOf(socket))
  },
  async SIO_IDEAL_SEND_BACKLOG_QUERY(send) {
    expect(send(await socketOfKind('tcp'))).toBeGreaterThan(0)
    const listener = await socketOfKind('listener')
    const error = errorOf(() => send(listener) as unknown)
    expect(error).toMatchObject({ code: 'ENOTCONN', option: 'SIO_IDEAL_SEND_BACKLOG_QUERY' })
  },
  async SIO_KEEPALIVE_VALS(send) {
    const socket = await socketOfKind('tcp')
    expect(getOption(socket, 'SO_KEEPALIVE')).toBe(false)
    send(socket)
    expect(getOption(socket, 'SO_KEEPALIVE')).toBe(true)
  },
  async SIO_ROUTING_INTERFACE_QUERY(send) {
    const { address } = send(await socketOfKind('udp')) as { address: string }
    expect(isIPv4(address)).toBe(true)
    if (isRealWindows) expect(address).toBe('127.0.0.1')
  },
  async SIO_SET_PRIORITY_HINT(send) {
    send(await socketOfKind('tcp'))
  },
  async SIO_TCP_INFO(send) {
    const info = send(await socketOfKind('tcp')) as { State: number; Mss: number }
    expect(info.State).toBe(tcpEstablished)
    expect(info.Mss).toBeGreaterThan(0)
  },
  async SIO_TCP_INITIAL_RTO(send) {
    send(await socketOfKind('unbound'))
  },
  async SIO_UDP_CONNRESET(send) {
    send(await socketOfKind('udp'))
  },
}

function kindFor({ sockets }: IoctlRow): Kind {
  return sockets === 'udp' || sockets === 'raw' ? 'udp' : 'tcp'
}

const here = (Object.keys(ioctls) as Name[]).filter((name) => ioctls[name].number !== undefined)

describe.runIf(isWindows).each(here)('%s', (name) => {
  const send = (socket: SocketTarget): unknown =>
    name in inputs ? request(socket, name, inputs[name]) : request(socket, name)
  const refusal = wineRefusal(name, 'set')
  const answer = answers[name]

  test.runIf(refusal !== undefined)(`Wine refuses it: ${refusal}`, async () => {
    const socket = await socketOfKind(kindFor(ioctlTable[name]))
    const error = errorOf(() => send(socket))
    expect(error).toMatchObject({ code: refusal, syscall: 'ioctl', option: name })
  })

  test.runIf(refusal === undefined && answer !== undefined)('answers', async () => {
    await answer?.(send)
  })
})
