/** Keep-alive on a Windows without TCP_KEEPIDLE: what is set and remembered, anywhere; what comes of it, there. */
import { once } from 'node:events'
import net from 'node:net'
import tls from 'node:tls'
import { describe, expect, test } from 'vitest'
import { getKeepAlive, getOption, listenWithBacklog, setKeepAlive } from '../../lib/index.js'
import {
  entriesWithTimes,
  lacksTimes,
  rememberTimes,
  systemTimes,
  timesOf,
} from '../../lib/keep-alive-values.js'
import { keepAliveOptions } from '../../lib/keep-alive.js'
import { certificate } from '../support/certificate.js'
import { errorOf } from '../support/errors.js'
import {
  closeAtEnd,
  connected,
  destroyAtEnd,
  listening,
  portOf,
  tcpPair,
} from '../support/sockets.js'

const last = { idle: 60_000, interval: 5000 }

/** What is set, by name: the bytes of the request, the number of an option. */
function set(setting: Parameters<typeof keepAliveOptions>[0], hasCount: boolean): unknown[] {
  return entriesWithTimes(keepAliveOptions(setting), last, hasCount).map(({ option, checked }) => {
    if (option.apply === undefined) return [option.name, checked]
    const bytes = new Uint8Array(option.size)
    const view = new DataView(bytes.buffer)
    const ints = new Int32Array(bytes.buffer)
    option.layout.write({ bytes, view, ints, address: 0n, pointTo: () => 0n }, 0, checked)
    return [option.name, ...ints]
  })
}

describe('what is set', () => {
  test('both times, in milliseconds, and on', () => {
    const all = [['SIO_KEEPALIVE_VALS', 1, 30_000, 10_000]]
    expect(set({ idle: 30_000, interval: 10_000 }, false)).toEqual(all)
  })

  test('what is left out is what was set last', () => {
    expect(set({ idle: 30_000 }, false)).toEqual([['SIO_KEEPALIVE_VALS', 1, 30_000, 5000]])
    expect(set({ interval: 1000 }, false)).toEqual([['SIO_KEEPALIVE_VALS', 1, 60_000, 1000]])
    expect(set({}, false)).toEqual([['SIO_KEEPALIVE_VALS', 1, 60_000, 5000]])
  })

  test('a count has an option of its own since Windows 10 1703; before, it is ENOPROTOOPT', () => {
    const both = [
      ['TCP_KEEPCNT', 3],
      ['SIO_KEEPALIVE_VALS', 1, 60_000, 5000],
    ]
    expect(set({ count: 3 }, true)).toEqual(both)
    const error = errorOf(() => set({ idle: 30_000, count: 3 }, false))
    expect(error).toMatchObject({ code: 'ENOPROTOOPT', option: 'TCP_KEEPCNT' })
    expect(error.message).toContain('always sends 10 probes')
  })

  test('a time beyond the 32 bits of milliseconds is a RangeError', () => {
    expect(errorOf(() => set({ idle: 4_294_968_000 }, false)).code).toBe('ERR_OUT_OF_RANGE')
    expect(set({ idle: 4_294_967_000 }, false)).toHaveLength(1)
  })
})

describe('what is remembered', () => {
  const entries = (idle: number) => entriesWithTimes(keepAliveOptions({ idle }), last, false)

  test('the last times of each target; the system’s own before', () => {
    const [one, other] = [new net.Socket(), { fd: 0 }]
    expect(timesOf(one)).toEqual(systemTimes)
    rememberTimes(one, entries(30_000))
    rememberTimes(one, entries(40_000))
    expect(timesOf(one)).toEqual({ idle: 40_000, interval: 5000 })
    expect(timesOf(other)).toEqual(systemTimes)
    rememberTimes(other, entries(50_000))
    expect(timesOf(other)).toEqual({ idle: 50_000, interval: 5000 })
  })

  test('nothing for a number, nor when something else was set', () => {
    const socket = new net.Socket()
    rememberTimes(socket, [])
    rememberTimes(7, entries(30_000))
    expect([timesOf(socket), timesOf(7)]).toEqual([systemTimes, systemTimes])
  })

  test('a connection has those that its server had when it was accepted', async () => {
    const server = await listening(net.createServer())
    const accept = async (): Promise<net.Socket> => {
      const accepting = once(server, 'connection') as Promise<[net.Socket]>
      await connected({ port: portOf(server), host: '127.0.0.1' })
      return (await accepting)[0]
    }
    const listeners = server.listenerCount('connection')
    rememberTimes(server, entries(30_000))
    const first = await accept()
    rememberTimes(server, entries(40_000))
    expect(timesOf(await accept()).idle).toBe(40_000)
    expect(timesOf(first).idle).toBe(30_000)
    expect(server.listenerCount('connection')).toBe(listeners + 1)
  })

  test('a TLS socket has those of the connection below it', async () => {
    const server = await listening(tls.createServer(await certificate()))
    rememberTimes(server, entries(30_000))
    const secure = once(server, 'secureConnection') as Promise<[tls.TLSSocket]>
    const client = tls.connect({
      port: portOf(server),
      host: '127.0.0.1',
      rejectUnauthorized: false,
    })
    destroyAtEnd(client)
    const [accepted] = await secure
    expect(timesOf(accepted).idle).toBe(30_000)
    rememberTimes(accepted, entries(50_000))
    expect(timesOf(accepted).idle).toBe(50_000)
  })
})

const times = { idle: 30_000, interval: 10_000 }

describe.runIf(lacksTimes())('on a Windows without TCP_KEEPIDLE', () => {
  test('on, changed, off, on again', async () => {
    const { client } = await tcpPair()
    expect(getKeepAlive(client)).toBe(false)
    setKeepAlive(client, times)
    expect(getOption(client, 'SO_KEEPALIVE')).toBe(true)
    expect(getKeepAlive(client)).toEqual({ ...times, count: 10 })
    setKeepAlive(client, { idle: 60_000 })
    expect(getKeepAlive(client)).toEqual({ ...times, idle: 60_000, count: 10 })
    setKeepAlive(client, false)
    expect(getKeepAlive(client)).toBe(false)
    expect(getOption(client, 'SO_KEEPALIVE')).toBe(false)
    setKeepAlive(client, {})
    expect(getKeepAlive(client)).toEqual({ ...times, idle: 60_000, count: 10 })
  })

  test('a count is ENOPROTOOPT, and nothing is set', async () => {
    const { client } = await tcpPair()
    const error = errorOf(() => setKeepAlive(client, { ...times, count: 3 }))
    expect(error).toMatchObject({ code: 'ENOPROTOOPT', option: 'TCP_KEEPCNT' })
    expect(getKeepAlive(client)).toBe(false)
  })

  test('a listener gives it to what it accepts', async () => {
    const server = await listening(net.createServer())
    setKeepAlive(server, times)
    expect(getKeepAlive(server)).toEqual({ ...times, count: 10 })
    const accepting = once(server, 'connection') as Promise<[net.Socket]>
    await connected({ port: portOf(server), host: '127.0.0.1' })
    const [accepted] = await accepting
    expect(getKeepAlive(accepted)).toEqual({ ...times, count: 10 })
  })

  test('so does one that listenWithBacklog made', async () => {
    const server = net.createServer()
    closeAtEnd(server)
    await listenWithBacklog(server, { port: 0, host: '127.0.0.1', keepAlive: times })
    expect(getKeepAlive(server)).toEqual({ ...times, count: 10 })
    const accepting = once(server, 'connection') as Promise<[net.Socket]>
    await connected({ port: portOf(server), host: '127.0.0.1' })
    const [accepted] = await accepting
    expect(getKeepAlive(accepted)).toEqual({ ...times, count: 10 })
  })

  test('a socket that still connects', async () => {
    const server = await listening(net.createServer())
    const client = net.connect(portOf(server), '127.0.0.1')
    destroyAtEnd(client)
    setKeepAlive(client, times)
    await once(client, 'connect')
    expect(getKeepAlive(client)).toEqual({ ...times, count: 10 })
  })
})
