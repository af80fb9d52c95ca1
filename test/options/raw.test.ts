import { once } from 'node:events'
import net from 'node:net'
import { describe, expect, test } from 'vitest'
import {
  getOption,
  getsockopt,
  ioctl,
  ioctls,
  options,
  setOption,
  setsockopt,
  type SocketTarget,
} from '../../lib/index.js'
import { platform } from '../../lib/platform.js'
import { levelNumbers } from '../../lib/resolve.js'
import { errorOf } from '../support/errors.js'
import { boundDatagram, socketOfKind } from '../support/kinds.js'
import { probe } from '../support/probe-option.js'
import { connected, listening, portOf, tcpPair } from '../support/sockets.js'
import { isLinux, isWindows } from '../support/system.js'
import { until } from '../support/until.js'
import * as untyped from '../support/untyped.js'
import { isRoot, isSupported, optionsHere } from '../support/untyped.js'
import { casesFor, kindFor } from './samples.js'

const onLinux = test.runIf(isLinux)
const { SOL_SOCKET, IPPROTO_TCP } = levelNumbers[platform]

/** Level and number of an option, for the raw calls. */
function numbersOf(name: keyof typeof options): [level: number, option: number] {
  const { level, number } = options[name]
  if (number === undefined) throw new Error(`${name} does not exist here`)
  return [levelNumbers[platform][level], number]
}

const probeNumbers = numbersOf(probe.name)

describe('getsockopt', () => {
  const numeric = optionsHere.filter(
    ({ name, access, unit }) =>
      access !== 'set' &&
      isSupported(name) &&
      /^(seconds|milliseconds|microseconds|bytes|count|hops|boolean|priority|mark)$/.test(unit) &&
      // In network order, or moving.
      casesFor({ name, unit }).every(({ keepsInitial }) => keepsInitial === undefined),
  )

  test.for(numeric)('$name: the same bytes that getOption reads', async ({ name }) => {
    const socket = await socketOfKind(kindFor(name))
    let value: unknown
    try {
      value = untyped.getOption(socket, name)
    } catch (error) {
      const { code } = error as { code: string }
      expect(errorOf(() => getsockopt(socket, ...numbersOf(name), 4)).code).toBe(code)
      return
    }
    const bytes = getsockopt(socket, ...numbersOf(name), 4)
    // Of a BOOL Windows may write the first byte only.
    const lengths = isWindows && typeof value === 'boolean' ? [1, 4] : [4]
    expect(lengths).toContain(bytes.length)
    if (typeof value === 'boolean') expect(bytes.readIntLE(0, bytes.length) !== 0).toBe(value)
    else expect([bytes.readInt32LE(), bytes.readUInt32LE()]).toContain(value)
  })

  test.runIf(isWindows)('structs are Winsock’s bytes', async () => {
    const { client } = await tcpPair()
    setOption(client, 'SO_LINGER', 5)
    expect(getsockopt(client, ...numbersOf('SO_LINGER'), 4)).toEqual(Buffer.from([1, 0, 5, 0]))
    setOption(client, 'SO_RCVTIMEO', { seconds: 3, microseconds: 500_000 })
    expect(getsockopt(client, ...numbersOf('SO_RCVTIMEO'), 4).readUInt32LE()).toBe(3500)
  })

  onLinux('structs are the kernel’s bytes', async () => {
    const { client } = await tcpPair()
    setOption(client, 'SO_LINGER', 5)
    expect(getsockopt(client, ...numbersOf('SO_LINGER'), 8)).toEqual(
      Buffer.from([1, 0, 0, 0, 5, 0, 0, 0]),
    )
    setOption(client, 'SO_RCVTIMEO', { seconds: 3, microseconds: 500_000 })
    const timeval = getsockopt(client, ...numbersOf('SO_RCVTIMEO'), 16)
    expect([timeval.readBigInt64LE(0), timeval.readBigInt64LE(8)]).toEqual([3n, 500_000n])
  })

  test('is a Buffer of its own, which the next call leaves alone', async () => {
    const { client } = await tcpPair()
    const first = getsockopt(client, ...probeNumbers, 4)
    const copy = Buffer.from(first)
    setOption(client, probe.name, 77)
    getsockopt(client, ...probeNumbers, 4)
    expect(first).toEqual(copy)
    expect(first.buffer.byteLength, 'shares no memory').toBe(4)
  })

  test('length 0 reads nothing; Windows: EFAULT', async () => {
    const { client } = await tcpPair()
    const read = () => getsockopt(client, ...probeNumbers, 0)
    if (isWindows) expect(errorOf(read)).toMatchObject({ code: 'EFAULT', syscall: 'getsockopt' })
    else expect(read()).toEqual(Buffer.alloc(0))
  })

  test.runIf(isWindows).for([1, 3])('length %s is too short: EFAULT', async (length) => {
    const { client } = await tcpPair()
    const error = errorOf(() => getsockopt(client, ...numbersOf('SO_RCVBUF'), length))
    expect(error).toMatchObject({ code: 'EFAULT', syscall: 'getsockopt' })
  })

  onLinux.for([1, 2, 3])('length %s reads as many bytes', async (length) => {
    const { client } = await tcpPair()
    setOption(client, probe.name, 0x1234)
    const whole = getsockopt(client, ...probeNumbers, 4)
    expect(getsockopt(client, ...probeNumbers, length)).toEqual(whole.subarray(0, length))
  })

  test.for([5, 4096, 65535, 65536, 65537, 1 << 20, 2 ** 31 - 1])(
    'length %s reads the four bytes there are',
    async (length) => {
      const { client } = await tcpPair()
      setOption(client, probe.name, 77)
      expect(getsockopt(client, ...probeNumbers, length).readInt32LE()).toBe(77)
      if (isLinux) expect(getsockopt(client, ...probeNumbers, length).length).toBe(4)
    },
  )

  test.for([-1, 1.5, NaN, Infinity, 2 ** 31])('length %s is out of range', async (length) => {
    const { client } = await tcpPair()
    expect(errorOf(() => getsockopt(client, ...probeNumbers, length)).code).toBe('ERR_OUT_OF_RANGE')
  })

  test('an option that the kernel does not know is ENOPROTOOPT, with both numbers', async () => {
    const { client } = await tcpPair()
    const error = errorOf(() => getsockopt(client, SOL_SOCKET, 9999, 4))
    expect(error).toMatchObject({ code: 'ENOPROTOOPT', syscall: 'getsockopt' })
    expect(error.message).toContain('9999')
    const { code } = errorOf(() => getsockopt(client, 9999, 1, 4))
    expect(code).toMatch(isWindows ? /EINVAL/ : /ENOPROTOOPT|EOPNOTSUPP/)
  })

  test.runIf(isLinux && isRoot)(
    'SO_GET_FILTER, whose length counts instructions, never writes past the end (needs root where bpf is restricted)',
    async () => {
      const { client } = await tcpPair()
      const SO_GET_FILTER = 26
      const program = Array.from({ length: 4096 }, (_, k) => ({ code: 6, jt: 0, jf: 0, k: k + 1 }))
      setOption(client, 'SO_ATTACH_FILTER', program)
      for (const length of [4096, 8192, 32_768, 65_536, 65_537, 100_000]) {
        const bytes = getsockopt(client, SOL_SOCKET, SO_GET_FILTER, length)
        expect(bytes.length).toBe(4096)
        expect([bytes.readUInt32LE(4), bytes.readUInt32LE(12)]).toEqual([1, 2])
      }
      // Fewer than there are.
      const short = errorOf(() => getsockopt(client, SOL_SOCKET, SO_GET_FILTER, 100))
      expect(short.code).toBe('EINVAL')
      // What lies behind the memory of the values still works.
      expect(getOption(client, probe.name)).toBe(probe.initial)
    },
  )
})

describe('setsockopt', () => {
  test('a number is an int', async () => {
    const { client } = await tcpPair()
    setsockopt(client, ...probeNumbers, 77)
    expect(getOption(client, probe.name)).toBe(77)
  })

  test('a Uint8Array or Buffer are its bytes', async () => {
    const { client } = await tcpPair()
    setsockopt(client, ...probeNumbers, Uint8Array.of(77, 0, 0, 0))
    expect(getOption(client, probe.name)).toBe(77)
    setsockopt(client, ...probeNumbers, Buffer.from([0, 78, 0, 0, 0, 99]).subarray(1, 5))
    expect(getOption(client, probe.name)).toBe(78)
  })

  test('a view of shared memory', async () => {
    const { client } = await tcpPair()
    const shared = new Uint8Array(new SharedArrayBuffer(4))
    shared[0] = 79
    setsockopt(client, ...probeNumbers, shared)
    expect(getOption(client, probe.name)).toBe(79)
  })

  onLinux('signed and unsigned numbers have the same bytes', async () => {
    const { client } = await tcpPair()
    const lowat = numbersOf('TCP_NOTSENT_LOWAT')
    setsockopt(client, ...lowat, -1)
    expect(getOption(client, 'TCP_NOTSENT_LOWAT')).toBe(0xffffffff)
    setsockopt(client, ...lowat, 0xfffffffe)
    expect(getOption(client, 'TCP_NOTSENT_LOWAT')).toBe(0xfffffffe)
  })

  test.for([0, 1, 3])('%s bytes are too few for an int: EINVAL, EFAULT', async (length) => {
    const { client } = await tcpPair()
    const numbers = numbersOf(probe.second)
    const error = errorOf(() => setsockopt(client, ...numbers, new Uint8Array(length)))
    expect(error).toMatchObject({ code: isWindows ? 'EFAULT' : 'EINVAL', syscall: 'setsockopt' })
  })

  onLinux.for([8, 65536, 1 << 20])(
    'of %s bytes the kernel takes the first four',
    async (length) => {
      const { client } = await tcpPair()
      const value = new Uint8Array(length)
      value[0] = 77
      setsockopt(client, ...probeNumbers, value)
      expect(getOption(client, probe.name)).toBe(77)
    },
  )

  test('keeps the bytes of the moment while the socket still connects', async () => {
    const server = await listening(net.createServer())
    const client = net.connect(portOf(server), '127.0.0.1')
    const value = Uint8Array.of(77, 0, 0, 0)
    setsockopt(client, ...probeNumbers, value)
    value[0] = 1
    await once(client, 'connect')
    expect(getOption(client, probe.name)).toBe(77)
    client.destroy()
  })

  test.for([
    [1.5, 'ERR_OUT_OF_RANGE'],
    [NaN, 'ERR_OUT_OF_RANGE'],
    [2 ** 32, 'ERR_OUT_OF_RANGE'],
    [-(2 ** 31) - 1, 'ERR_OUT_OF_RANGE'],
    ['77', 'ERR_INVALID_ARG_TYPE'],
    [77n, 'ERR_INVALID_ARG_TYPE'],
    [true, 'ERR_INVALID_ARG_TYPE'],
    [null, 'ERR_INVALID_ARG_TYPE'],
    [Int32Array.of(77), 'ERR_INVALID_ARG_TYPE'],
    [new ArrayBuffer(4), 'ERR_INVALID_ARG_TYPE'],
    [[77, 0, 0, 0], 'ERR_INVALID_ARG_TYPE'],
  ] as any[])('%s is no value', async ([value, code]) => {
    const { client } = await tcpPair()
    expect(errorOf(() => setsockopt(client, ...probeNumbers, value)).code).toBe(code)
    expect(getOption(client, probe.name)).toBe(probe.initial)
  })
})

describe('ioctl', () => {
  /** A connection whose accepted side does not read. */
  async function unread(): Promise<{ client: net.Socket; accepted: net.Socket }> {
    const server = await listening(net.createServer({ pauseOnConnect: true }))
    const accepting = once(server, 'connection') as Promise<[net.Socket]>
    const client = await connected({ port: portOf(server), host: '127.0.0.1' })
    const [accepted] = await accepting
    return { client, accepted }
  }

  /** By number, it is the same int. */
  function byNumber(socket: SocketTarget, name: keyof typeof ioctls): number {
    return ioctl(socket, ioctls[name].number ?? 0, new Uint8Array(), 4).readInt32LE()
  }

  test.for([0, 1, 1000])('FIONREAD counts %s bytes that wait', async (count) => {
    const { client, accepted } = await unread()
    if (count > 0) client.write(Buffer.alloc(count))
    await until(() => ioctl(accepted, 'FIONREAD') === count)
    expect(byNumber(accepted, 'FIONREAD')).toBe(count)
  })

  test('FIONREAD of a datagram socket is the next datagram', async () => {
    const socket = await boundDatagram('udp4', '127.0.0.1')
    expect(ioctl(socket, 'FIONREAD')).toBe(0)
    const sender = await boundDatagram('udp4', '127.0.0.1')
    const answered = new Promise((resolve) => {
      sender.send(Buffer.alloc(123), socket.address().port, '127.0.0.1', () => {
        // Before the loop polls, which would read it.
        resolve(ioctl(socket, 'FIONREAD'))
      })
    })
    expect([0, 123]).toContain(await answered)
  })

  test.runIf(isLinux && isRoot)(
    'SIOCOUTQ and SIOCOUTQNSD: a deaf peer acknowledges nothing (needs root where bpf is restricted)',
    async () => {
      const { client, accepted } = await unread()
      expect([ioctl(client, 'SIOCOUTQ'), ioctl(client, 'SIOCOUTQNSD')]).toEqual([0, 0])
      setOption(accepted, 'SO_ATTACH_FILTER', [{ code: 6, jt: 0, jf: 0, k: 0 }])
      client.write(Buffer.alloc(1000))
      expect(ioctl(client, 'SIOCOUTQ')).toBe(1000)
      expect(byNumber(client, 'SIOCOUTQ')).toBe(1000)
      expect(ioctl(client, 'SIOCOUTQNSD'), 'all sent').toBe(0)
      setOption(accepted, 'SO_DETACH_FILTER', 0)
      await until(() => ioctl(client, 'SIOCOUTQ') === 0)
    },
  )

  onLinux('SIOCOUTQNSD counts what a corked socket holds back', async () => {
    const { client } = await unread()
    setOption(client, 'TCP_CORK', true)
    client.write(Buffer.alloc(100))
    expect([ioctl(client, 'SIOCOUTQ'), ioctl(client, 'SIOCOUTQNSD')]).toEqual([100, 100])
    expect(byNumber(client, 'SIOCOUTQNSD')).toBe(100)
    setOption(client, 'TCP_CORK', false)
    expect(ioctl(client, 'SIOCOUTQNSD')).toBe(0)
  })

  test('SIOCATMARK: false without urgent data; Windows: true', async () => {
    const { accepted } = await unread()
    expect(ioctl(accepted, 'SIOCATMARK')).toBe(isWindows)
    expect(byNumber(accepted, 'SIOCATMARK')).toBe(Number(isWindows))
  })

  onLinux('a listener has no bytes: EINVAL, which names the request', async () => {
    const server = await listening(net.createServer())
    for (const name of ['FIONREAD', 'SIOCOUTQ'] as const) {
      const error = errorOf(() => ioctl(server, name))
      expect(error).toMatchObject({ code: 'EINVAL', syscall: 'ioctl', option: name })
    }
  })

  test('a request that the kernel does not know is ENOTTY, EOPNOTSUPP, which names it', async () => {
    const { client } = await tcpPair()
    const error = errorOf(() => ioctl(client, 0xdead))
    expect(error).toMatchObject({ code: isWindows ? 'EOPNOTSUPP' : 'ENOTTY', syscall: 'ioctl' })
    expect(error.message).toContain('0xdead')
  })

  test('a request that takes nothing is refused with an input, whatever it is', async () => {
    const { client } = await tcpPair()
    const untyped = ioctl as (...args: unknown[]) => unknown
    for (const input of [new Uint8Array(4), 4, null]) {
      const error = errorOf(() => untyped(client, 'FIONREAD', input))
      expect(error.code).toBe('ERR_INVALID_ARG_VALUE')
      expect(error.message).toContain('FIONREAD takes none')
    }
  })

  test('a request that the system lacks is ENOPROTOOPT, which says so', async () => {
    const { client } = await tcpPair()
    const error = errorOf(() =>
      isWindows ? ioctl(client, 'SIOCOUTQ') : ioctl(client, 'SIO_UDP_CONNRESET', false),
    )
    const option = isWindows ? 'SIOCOUTQ' : 'SIO_UDP_CONNRESET'
    expect(error).toMatchObject({ code: 'ENOPROTOOPT', option })
    expect(error.message).toMatch(/(Linux|Windows|macOS) has no such request/)
  })

  test('its description says what it takes and answers', () => {
    const FIONREAD = isLinux ? 0x541b : 0x4004667f
    expect(ioctls.FIONREAD).toMatchObject({ input: undefined, unit: 'bytes', number: FIONREAD })
    expect(ioctls.SIO_UDP_CONNRESET).toMatchObject({
      input: 'boolean',
      unit: undefined,
      number: isWindows ? 0x9800000c : undefined,
      platforms: ['win32'],
      since: { win32: '2000' },
    })
  })

  test.for([
    [-1, undefined, undefined, 'ERR_OUT_OF_RANGE'],
    [1.5, undefined, undefined, 'ERR_OUT_OF_RANGE'],
    [2 ** 32, undefined, undefined, 'ERR_OUT_OF_RANGE'],
    [{}, undefined, undefined, 'ERR_INVALID_ARG_TYPE'],
    [0x541b, 'abcd', undefined, 'ERR_INVALID_ARG_TYPE'],
    [0x541b, new Uint8Array(65537), undefined, 'ERR_OUT_OF_RANGE'],
    [0x541b, new Uint8Array(), -1, 'ERR_OUT_OF_RANGE'],
    [0x541b, new Uint8Array(), 65537, 'ERR_OUT_OF_RANGE'],
  ] as any[])('ioctl(socket, %s, %s, %s) is %s', async ([request, input, length, code]) => {
    const { client } = await tcpPair()
    expect(errorOf(() => ioctl(client, request, input, length)).code).toBe(code)
  })
})

test('raw calls on a closed socket are ERR_SOCKET_CLOSED', async () => {
  const { client } = await tcpPair()
  client.destroy()
  for (const call of [
    () => void getsockopt(client, IPPROTO_TCP, 4, 4),
    () => setsockopt(client, IPPROTO_TCP, 4, 77),
    () => void ioctl(client, 'FIONREAD'),
    () => void ioctl(client, 0x541b, new Uint8Array(), 4),
  ]) {
    expect(errorOf(call).code).toBe('ERR_SOCKET_CLOSED')
  }
})
