import { once } from 'node:events'
import net from 'node:net'
import { inspect, isDeepStrictEqual } from 'node:util'
import { describe, expect, test } from 'vitest'
import { sockaddrBytes } from '../../lib/address.js'
import { native } from '../../lib/binding.js'
import {
  getAcceptQueue,
  getOption,
  listenWithBacklog,
  type OptionName,
  setOption,
} from '../../lib/index.js'
import { type Row, table } from '../../lib/options.js'
import { platform } from '../../lib/platform.js'
import { openSocket } from '../support/kinds.js'
import { QueueClients } from '../support/queue-clients.js'
import { closeAtEnd, connected, listening, portOf } from '../support/sockets.js'
import { isLinux, isWindows } from '../support/system.js'
import * as untyped from '../support/untyped.js'
import { isRoot, isSupported, optionsHere } from '../support/untyped.js'
import { casesFor, type Sample } from './samples.js'

/** What an accepted socket has instead, or why it is not asked. */
const exceptions: Partial<Record<OptionName, { reads: unknown; reason: string } | string>> = {
  TCP_MAXSEG: { reads: 988, reason: 'the timestamps take 12 bytes of each segment' },
  TCP_REPAIR: 'a listener is not repaired (EPERM)',
  TCP_TIMESTAMP: 'it wants repair mode',
  TCP_ULP: 'it wants a connection',
  TCP_FASTOPEN_CONNECT: 'a listener does not connect',
  TCP_FASTOPEN_NO_COOKIE: 'it is for the listener itself, or for a connect',
  SO_SNDLOWAT: 'it cannot be set',
  SO_RESERVE_MEM: 'it wants a memory cgroup',
  IPV6_V6ONLY: 'what is bound to another address than :: is IPv6 only by itself (see below)',
  IPV6_MTU: 'it reads the path MTU, whatever was set',
}

function valueOf({ set, reads }: Sample): unknown {
  return reads === undefined ? set : reads
}

/** A listener whose option was set before bind(), or after listen() where the row says so. */
async function listenerWith(name: OptionName, value: unknown, family: 4 | 6): Promise<net.Server> {
  const { afterListen }: Row = table[name]
  const late = afterListen?.includes(platform) === true
  const fd = openSocketForServer(family)
  if (!late) untyped.setOption(fd, name, value)
  const address = family === 4 ? '127.0.0.1' : '::1'
  expect(native.bind(fd, sockaddrBytes({ family, address, port: 0 }, platform))).toBe(0)
  const server = await listening(net.createServer(), { fd } as net.ListenOptions)
  if (late) untyped.setOption(server, name, value)
  return server
}

/** The server closes it. */
function openSocketForServer(family: 4 | 6): number {
  return native.open(family === 4 ? 2 : 10, 1, 0)
}

async function acceptFrom(server: net.Server, host: string, firstData = ''): Promise<net.Socket> {
  const accepting = once(server, 'connection') as Promise<[net.Socket]>
  const client = await connected({ port: portOf(server), host })
  if (firstData !== '') client.write(firstData)
  const [accepted] = await accepting
  return accepted
}

const rows = optionsHere.filter(({ name, access, level }) => {
  const { sockets }: Row = table[name]
  return access === 'both' && level !== 'IPPROTO_UDP' && sockets !== 'udp' && sockets !== 'unix'
})

/** What the row says of an accepted socket. */
function expectationOf(row: Row): 'own' | 'none' | 'inherited' {
  if (row.notInherited?.includes(platform)) return 'none'
  return row.sockets === 'listener' ? 'own' : 'inherited'
}

const cases = rows.map(({ name, level, unit, needs }) => {
  const exception = exceptions[name]
  const family: 4 | 6 = level === 'IPPROTO_IPV6' ? 6 : 4
  const privileged = needs?.includes('CAP_') === true
  return {
    name,
    family,
    host: family === 6 ? '::1' : '127.0.0.1',
    samples: casesFor({ name, unit })[0]?.samples ?? [],
    /** Why it is not asked. */
    unasked: typeof exception === 'string' ? exception : undefined,
    /** What is read instead, and why. */
    instead: typeof exception === 'object' ? exception : undefined,
    expected: expectationOf(table[name]),
    title: `${name}${privileged ? ` (needs ${needs})` : ''}`,
    possible: isSupported(name) && (isRoot || !privileged),
  }
})

const asked = cases.filter(({ unasked, possible }) => unasked === undefined && possible)

describe.runIf(isLinux)('an accepted socket', () => {
  test('has a sample for every option', () => {
    const without = asked.filter(({ samples }) => samples.length === 0).map(({ name }) => name)
    expect(without, 'add them to test/options/samples.ts').toEqual([])
  })

  test.for(asked.filter(({ expected }) => expected === 'none'))(
    'does not inherit $title',
    async ({ name, family, host, samples: [sample] }) => {
      const server = await listenerWith(name, sample?.set, family)
      const kept = untyped.getOption(server, name)
      expect(kept).toEqual(sample && valueOf(sample))
      expect(untyped.getOption(await acceptFrom(server, host), name)).not.toEqual(kept)
    },
  )

  test.for(asked.filter(({ expected }) => expected === 'own'))(
    'comes from a listener that keeps $title for itself',
    async ({ name, family, host, samples: [sample] }) => {
      const server = await listenerWith(name, sample?.set, family)
      // TCP_DEFER_ACCEPT waits for data. The connection works, whether or not it shows the value.
      const accepted = await acceptFrom(server, host, 'data')
      expect(accepted.destroyed).toBe(false)
      expect(untyped.getOption(server, name)).toEqual(sample && valueOf(sample))
    },
  )

  test.for(asked.filter(({ expected }) => expected === 'inherited'))(
    'inherits $title',
    async ({ name, family, host, samples, instead }) => {
      const plain = await listening(net.createServer(), { port: 0, host })
      const otherwise = untyped.getOption(await acceptFrom(plain, host), name)
      const keptAs = (sample: Sample) => (instead === undefined ? valueOf(sample) : instead.reads)
      const differing = samples.find((sample) => !isDeepStrictEqual(keptAs(sample), otherwise))
      if (differing === undefined) throw new Error(`no sample differs from ${inspect(otherwise)}`)
      const server = await listenerWith(name, differing.set, family)
      const accepted = await acceptFrom(server, host)
      expect(untyped.getOption(accepted, name), instead?.reason).toEqual(keptAs(differing))
    },
  )

  test('is asked for every other option but these, which no listener can be given', () => {
    const unasked = cases.filter((one) => one.unasked !== undefined).map(({ name }) => name)
    const known = Object.entries(exceptions).filter(([, why]) => typeof why === 'string')
    expect(unasked.toSorted()).toEqual(known.map(([name]) => name).toSorted())
  })
})

// The listener listens already, as Node's own does when it is handed out; libuv accepts with AcceptEx.
describe.runIf(isWindows)('an accepted socket on Windows', () => {
  test.for([
    ['SO_KEEPALIVE', true],
    ['SO_LINGER', 5],
    ['TCP_NODELAY', true],
  ] as const)('inherits %s', async ([name, value]) => {
    const server = await listening(net.createServer())
    const before = await acceptFrom(server, '127.0.0.1')
    untyped.setOption(server, name, value)
    const accepted = await acceptFrom(server, '127.0.0.1')
    expect(getOption(accepted, name)).toBe(value)
    expect(getOption(before, name)).not.toBe(value)
  })
})

describe.runIf(isLinux)('the moment of inheriting', () => {
  test('is the handshake: who is queued already keeps the old values', async () => {
    const server = net.createServer()
    closeAtEnd(server)
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const accepted: net.Socket[] = []
    server.on('connection', (socket) => accepted.push(socket))
    using early = new QueueClients(portOf(server), 2)
    early.waitWhileBlocking(() => getAcceptQueue(server).length === 2)
    setOption(server, 'TCP_KEEPIDLE', 77)
    using late = new QueueClients(portOf(server), 2)
    late.waitWhileBlocking(() => getAcceptQueue(server).length === 4)
    while (accepted.length < 4) await once(server, 'connection')
    const idle = accepted.map((socket) => getOption(socket, 'TCP_KEEPIDLE'))
    expect(idle).toEqual([7200, 7200, 77, 77])
  })

  test('a change on the live listener is for those who come, not for those who are there', async () => {
    const server = await listening(net.createServer())
    const first = await acceptFrom(server, '127.0.0.1')
    setOption(server, 'TCP_KEEPIDLE', 77)
    const second = await acceptFrom(server, '127.0.0.1')
    setOption(server, 'TCP_KEEPIDLE', 78)
    const idle = [first, second].map((socket) => getOption(socket, 'TCP_KEEPIDLE'))
    expect(idle).toEqual([7200, 77])
  })

  test('an accepted socket’s own value is its own', async () => {
    const server = await listening(net.createServer())
    setOption(server, 'TCP_KEEPIDLE', 77)
    const first = await acceptFrom(server, '127.0.0.1')
    setOption(first, 'TCP_KEEPIDLE', 78)
    expect(getOption(server, 'TCP_KEEPIDLE')).toBe(77)
    const second = await acceptFrom(server, '127.0.0.1')
    expect(getOption(second, 'TCP_KEEPIDLE')).toBe(77)
  })

  test.for([true, false])('IPV6_V6ONLY %s of a listener at ::', async (ipv6Only) => {
    const server = net.createServer()
    closeAtEnd(server)
    await listenWithBacklog(server, { host: '::', port: 0, ipv6Only })
    const accepted = await acceptFrom(server, '::1')
    expect(getOption(accepted, 'IPV6_V6ONLY')).toBe(ipv6Only)
  })

  test('a descriptor that never listened hands on nothing', async () => {
    const fd = openSocket(4, 'stream')
    setOption(fd, 'TCP_KEEPIDLE', 77)
    const server = await listening(net.createServer())
    const accepted = await acceptFrom(server, '127.0.0.1')
    expect(getOption(accepted, 'TCP_KEEPIDLE')).toBe(7200)
  })
})
