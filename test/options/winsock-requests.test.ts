/** The requests of Windows, on Windows. Wine refuses some, as an old Windows would: EOPNOTSUPP. */
import net from 'node:net'
import { networkInterfaces } from 'node:os'
import { describe, expect, test } from 'vitest'
import { getOption, ioctl, type SocketTarget } from '../../lib/index.js'
import { refusedRequests } from '../../lib/ioctls.js'
import { platform } from '../../lib/platform.js'
import { errorOf } from '../support/errors.js'
import { boundDatagram } from '../support/kinds.js'
import { listening, tcpPair } from '../support/sockets.js'
import { isWine } from '../support/system.js'

/** What a call returns, or 'refused' where this version has no such request. */
function unlessRefused<Value>(call: () => Value): Value | 'refused' {
  try {
    return call()
  } catch (error) {
    expect(error).toMatchObject({ code: 'EOPNOTSUPP', syscall: 'ioctl' })
    return 'refused'
  }
}

describe.runIf(platform === 'win32')('on Windows', () => {
  test('SIO_BASE_HANDLE is the socket itself where nothing is layered over it', async () => {
    const { client } = await tcpPair()
    const base = ioctl(client, 'SIO_BASE_HANDLE')
    expect(Number.isSafeInteger(base)).toBe(true)
    expect(ioctl(base, 'SIO_BASE_HANDLE')).toBe(base)
  })

  /** The system's IPv4 addresses, as libuv has them from GetAdaptersAddresses. */
  const ours = Object.values(networkInterfaces())
    .flatMap((entries = []) => entries)
    .filter(({ family }) => family === 'IPv4')
  const outside = ours.filter(({ internal }) => !internal).map(({ address }) => address)

  // Wine 8 sometimes has no addresses to tell, with EINVAL and EFAULT.
  test.skipIf(isWine)('SIO_ADDRESS_LIST_QUERY lists the addresses that others see', async () => {
    const { client } = await tcpPair()
    const list = ioctl(client, 'SIO_ADDRESS_LIST_QUERY')
    expect(list.map(({ family }) => family)).toEqual(list.map(() => 4))
    expect(list.map(({ address }) => address)).toEqual(expect.arrayContaining(outside))
  })

  test.skipIf(isWine)('SIO_ROUTING_INTERFACE_QUERY answers with an address of ours', async () => {
    const { client } = await tcpPair()
    const answer = unlessRefused(() =>
      ioctl(client, 'SIO_ROUTING_INTERFACE_QUERY', { address: '127.0.0.1' }),
    )
    if (answer === 'refused') return
    expect(answer.family).toBe(4)
    expect(ours.map(({ address }) => address)).toContain(answer.address)
  })

  test('SIO_IDEAL_SEND_BACKLOG_QUERY while connected; ENOTCONN of a listener', async () => {
    const { client } = await tcpPair()
    expect(ioctl(client, 'SIO_IDEAL_SEND_BACKLOG_QUERY')).toBeGreaterThan(0)
    const server = await listening(net.createServer())
    const error = errorOf(() => ioctl(server, 'SIO_IDEAL_SEND_BACKLOG_QUERY'))
    expect(error).toMatchObject({ code: 'ENOTCONN', option: 'SIO_IDEAL_SEND_BACKLOG_QUERY' })
  })

  test('SIO_TCP_INFO: an established connection, and what has gone over it', async () => {
    const { client, accepted } = await tcpPair()
    accepted.resume()
    await new Promise((resolve) => client.write(Buffer.alloc(1000), resolve))
    const info = unlessRefused(() => ioctl(client, 'SIO_TCP_INFO'))
    // TCPSTATE_ESTABLISHED
    if (info !== 'refused') expect([info.State, info.BytesOut >= 1000n]).toEqual([4, true])
  })

  test('SIO_UDP_CONNRESET is taken by a datagram socket', async () => {
    const socket = await boundDatagram('udp4', '127.0.0.1')
    ioctl(socket, 'SIO_UDP_CONNRESET', false)
    ioctl(socket, 'SIO_UDP_CONNRESET', true)
  })

  test('SIO_KEEPALIVE_VALS is taken by a TCP socket; EINVAL of a datagram socket', async () => {
    const { client } = await tcpPair()
    const values = { onoff: 1, keepalivetime: 30_000, keepaliveinterval: 1000 }
    ioctl(client, 'SIO_KEEPALIVE_VALS', values)
    expect(getOption(client, 'SO_KEEPALIVE')).toBe(true)
    const socket = await boundDatagram('udp4', '127.0.0.1')
    const error = errorOf(() => ioctl(socket, 'SIO_KEEPALIVE_VALS', values))
    expect(['EINVAL', 'EOPNOTSUPP']).toContain(error.code)
  })

  test('by number, it is as many bytes as the system wrote', async () => {
    const { client } = await tcpPair()
    const FIONREAD = 0x4004667f
    expect(ioctl(client, FIONREAD, new Uint8Array(), 64)).toEqual(Buffer.alloc(4))
    expect(ioctl(client, 'FIONREAD')).toBe(0)
  })

  test.for(Object.entries(refusedRequests))('%s is refused by number', async ([name, request]) => {
    const { client } = await tcpPair()
    const call = (target: SocketTarget): Buffer =>
      ioctl(target, request.number, Buffer.alloc(16), 8)
    const error = errorOf(() => call(client))
    expect(error.code).toBe('ERR_INVALID_ARG_VALUE')
    expect(error.message).toContain(name)
  })

  test('a bad input throws before any system call', async () => {
    const { client } = await tcpPair()
    const values = { onoff: 1, keepalivetime: -1, keepaliveinterval: 1000 }
    const error = errorOf(() => ioctl(client, 'SIO_KEEPALIVE_VALS', values))
    expect(error.code).toBe('ERR_OUT_OF_RANGE')
    expect(error.message).toContain('input.keepalivetime')
  })
})
