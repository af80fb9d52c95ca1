import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import net from 'node:net'
import { describe, expect, test } from 'vitest'
import { getOption, ioctl, listenWithBacklog, type OptionName, setOption } from '../../lib/index.js'
import { commandExists } from '../support/commands.js'
import { temporaryPath } from '../support/files.js'
import { errorOf } from '../support/errors.js'
import { boundDatagram, socketOfKind } from '../support/kinds.js'
import { descriptorOf, python } from '../support/python.js'
import {
  closeAtEnd,
  connected,
  destroyAtEnd,
  listening,
  portOf,
  tcpPair,
} from '../support/sockets.js'
import { isLinux, isWindows } from '../support/system.js'
import { until } from '../support/until.js'
import * as untyped from '../support/untyped.js'
import { isRoot, isSupported, optionsHere } from '../support/untyped.js'
import { kindFor } from './samples.js'

/** BPF_RET | BPF_K: the program's answer is `k`. */
function answering(k: number) {
  return [{ code: 6, jt: 0, jf: 0, k }]
}

const hasPython = commandExists('python3')
const group = '239.255.77.1'
const loopback = '127.0.0.1'

function proc(file: string): string {
  return readFileSync(`/proc/net/${file}`, 'utf8')
}

/** How often this group was joined on loopback, by /proc/net/igmp, which has it as a number in host order. */
function igmpUsers(address: string): number {
  const number = Buffer.from(address.split('.').map(Number)).readUInt32LE()
  const hex = number.toString(16).padStart(8, '0').toUpperCase()
  const [, lo = ''] = /\tlo .*\n((?:\t\t.*\n)*)/.exec(proc('igmp')) ?? []
  return Number(new RegExp(`${hex} +(\\d+)`).exec(lo)?.[1] ?? 0)
}

/** Of a sender in a group: how many sockets include and exclude it, by /proc/net/mcfilter. */
function filterCounts(address: string, source: string): { include: number; exclude: number } {
  const hex = (text: string) => Buffer.from(text.split('.').map(Number)).toString('hex')
  const line = new RegExp(`0x${hex(address)} 0x${hex(source)} +(\\d+) +(\\d+)`).exec(
    proc('mcfilter'),
  )
  return { include: Number(line?.[1] ?? 0), exclude: Number(line?.[2] ?? 0) }
}

function counter(name: string): number {
  const [names = '', values = ''] = proc('netstat').split('\n')
  return Number(values.split(' ')[names.split(' ').indexOf(name)])
}

/** Which of two listeners on one port gets connections. */
async function twoListeners() {
  let counts: [number, number] = [0, 0]
  const servers = [
    net.createServer(() => counts[0]++),
    net.createServer(() => counts[1]++),
  ] as const
  servers.forEach(closeAtEnd)
  await listenWithBacklog(servers[0], { port: 0, host: loopback, reusePort: true })
  const port = portOf(servers[0])
  await listenWithBacklog(servers[1], { port, host: loopback, reusePort: true })
  async function connect(count: number): Promise<[number, number]> {
    counts = [0, 0]
    await Promise.all(Array.from({ length: count }, () => connected({ port, host: loopback })))
    await until(() => counts[0] + counts[1] === count)
    return counts
  }
  return { servers, connect }
}

/** A listener with a key, and what becomes of clients without it and with it. */
async function expectKeyNeeded(name: 'TCP_MD5SIG' | 'TCP_MD5SIG_EXT', prefixLength?: number) {
  const key = Buffer.from('secret')
  const server = await listening(net.createServer())
  const port = portOf(server)
  const peer = prefixLength === undefined ? loopback : '127.0.0.0'
  const prefix = prefixLength === undefined ? {} : { prefixLength }
  setOption(server, name, { address: peer, port: 0, key, ...prefix })

  const dropped = counter('TCPMD5NotFound')
  const stranger = net.connect(port, loopback)
  destroyAtEnd(stranger)
  await until(() => counter('TCPMD5NotFound') > dropped)
  expect(stranger.connecting).toBe(true)

  const friend = new net.Socket()
  destroyAtEnd(friend)
  setOption(friend, 'TCP_MD5SIG', { address: loopback, port: 0, key })
  friend.connect(port, loopback)
  await once(friend, 'connect')

  // An empty key removes it; there is none to remove twice.
  setOption(server, name, { address: peer, port: 0, key: new Uint8Array(), ...prefix })
  const remove = () =>
    setOption(server, name, { address: peer, port: 0, key: new Uint8Array(), ...prefix })
  expect(errorOf(remove).code).toBe('ENOENT')
  await connected({ port, host: loopback })
}

/** What each option that can only be set does, by its name: no option may be missing here. */
const effects: Partial<Record<OptionName, () => Promise<void>>> = {
  async SO_ATTACH_BPF() {
    const { client } = await tcpPair()
    expect(errorOf(() => setOption(client, 'SO_ATTACH_BPF', 1_000_000)).code).toBe('EBADF')
    const notAProgram = descriptorOf(client)
    expect(errorOf(() => setOption(client, 'SO_ATTACH_BPF', notAProgram)).code).toBe('EINVAL')
  },

  SO_ATTACH_FILTER: deafAndHealed,
  SO_DETACH_FILTER: async () => {
    await deafAndHealed()
    const { client } = await tcpPair()
    expect(errorOf(() => setOption(client, 'SO_DETACH_FILTER', 0)).code).toBe('ENOENT')
  },

  SO_ATTACH_REUSEPORT_CBPF: steered,
  SO_DETACH_REUSEPORT_BPF: steered,

  async SO_ATTACH_REUSEPORT_EBPF() {
    const { servers } = await twoListeners()
    const set = (fd: number) => () => setOption(servers[0], 'SO_ATTACH_REUSEPORT_EBPF', fd)
    expect(errorOf(set(1_000_000)).code).toBe('EBADF')
    expect(errorOf(set(descriptorOf(servers[0]))).code).toBe('EINVAL')
  },

  async SO_BUSY_POLL_BUDGET() {
    const socket = await socketOfKind('tcp')
    setOption(socket, 'SO_BUSY_POLL_BUDGET', 7)
    // The kernel keeps 16 bits.
    expect(errorOf(() => setOption(socket, 'SO_BUSY_POLL_BUDGET', 65536)).code).toBe('EINVAL')
  },

  async SO_INQ() {
    const tcp = await socketOfKind('tcp')
    expect(errorOf(() => setOption(tcp, 'SO_INQ', true)).code).toBe('ENOPROTOOPT')
    const client = (await socketOfKind('unix')) as net.Socket
    setOption(client, 'SO_INQ', true)
    setOption(client, 'SO_INQ', false)
  },

  SO_RCVBUFFORCE: () => buffersForced('SO_RCVBUFFORCE', 'SO_RCVBUF', 'rmem_max'),
  SO_SNDBUFFORCE: () => buffersForced('SO_SNDBUFFORCE', 'SO_SNDBUF', 'wmem_max'),

  TCP_MD5SIG: () => expectKeyNeeded('TCP_MD5SIG'),
  TCP_MD5SIG_EXT: () => expectKeyNeeded('TCP_MD5SIG_EXT', 8),

  IP_ADD_MEMBERSHIP: membershipShown,
  IP_DROP_MEMBERSHIP: membershipShown,
  IP_ADD_SOURCE_MEMBERSHIP: sourceMembershipShown,
  IP_DROP_SOURCE_MEMBERSHIP: sourceMembershipShown,
  IP_BLOCK_SOURCE: blockShown,
  IP_UNBLOCK_SOURCE: blockShown,
  IPV6_JOIN_GROUP: membershipIPv6Shown,
  IPV6_LEAVE_GROUP: membershipIPv6Shown,
}

async function deafAndHealed(): Promise<void> {
  const { client, accepted } = await tcpPair()
  let heard = ''
  accepted.on('data', (data) => (heard += String(data)))
  setOption(accepted, 'SO_ATTACH_FILTER', answering(0))
  client.write('hello')
  await until(
    () => getOption(accepted, 'SO_MEMINFO').drops,
    (drops) => drops > 0,
  )
  expect(heard).toBe('')
  expect(ioctl(client, 'SIOCOUTQ')).toBe(5)
  setOption(accepted, 'SO_DETACH_FILTER', 0)
  await until(() => heard === 'hello')
}

async function steered(): Promise<void> {
  const { servers, connect } = await twoListeners()
  setOption(servers[0], 'SO_ATTACH_REUSEPORT_CBPF', answering(1))
  expect(await connect(12)).toEqual([0, 12])
  setOption(servers[0], 'SO_ATTACH_REUSEPORT_CBPF', answering(0))
  expect(await connect(12)).toEqual([12, 0])
  setOption(servers[1], 'SO_DETACH_REUSEPORT_BPF', 0)
  // By the kernel's own hash again: that 60 fall on one side has odds of 2^-59.
  const [first, second] = await connect(60)
  expect(first).toBeGreaterThan(0)
  expect(second).toBeGreaterThan(0)
  const again = errorOf(() => setOption(servers[0], 'SO_DETACH_REUSEPORT_BPF', 0))
  expect(again.code).toBe('ENOENT')
}

async function buffersForced(
  force: 'SO_RCVBUFFORCE' | 'SO_SNDBUFFORCE',
  plain: 'SO_RCVBUF' | 'SO_SNDBUF',
  sysctl: string,
): Promise<void> {
  const limit = Number(readFileSync(`/proc/sys/net/core/${sysctl}`, 'utf8'))
  const { client } = await tcpPair()
  setOption(client, plain, limit + 65536)
  expect(getOption(client, plain), 'cut to the limit').toBe(2 * limit)
  setOption(client, force, limit + 65536)
  expect(getOption(client, plain)).toBe(2 * (limit + 65536))
}

async function membershipShown(): Promise<void> {
  const socket = await boundDatagram('udp4')
  const membership = { multiaddr: group, interface: loopback }
  const before = igmpUsers(group)
  setOption(socket, 'IP_ADD_MEMBERSHIP', membership)
  expect(igmpUsers(group)).toBe(before + 1)
  expect(errorOf(() => setOption(socket, 'IP_ADD_MEMBERSHIP', membership)).code).toBe('EADDRINUSE')
  setOption(socket, 'IP_DROP_MEMBERSHIP', membership)
  expect(igmpUsers(group)).toBe(before)
  const again = errorOf(() => setOption(socket, 'IP_DROP_MEMBERSHIP', membership))
  expect(again.code).toBe('EADDRNOTAVAIL')
}

async function sourceMembershipShown(): Promise<void> {
  const socket = await boundDatagram('udp4')
  const source = { multiaddr: '239.255.77.2', sourceaddr: '127.0.0.7', interface: loopback }
  const shown = () => filterCounts(source.multiaddr, source.sourceaddr)
  setOption(socket, 'IP_ADD_SOURCE_MEMBERSHIP', source)
  expect(shown()).toEqual({ include: 1, exclude: 0 })
  setOption(socket, 'IP_DROP_SOURCE_MEMBERSHIP', source)
  expect(shown()).toEqual({ include: 0, exclude: 0 })
}

async function blockShown(): Promise<void> {
  const socket = await boundDatagram('udp4')
  const source = { multiaddr: '239.255.77.3', sourceaddr: '127.0.0.7', interface: loopback }
  const shown = () => filterCounts(source.multiaddr, source.sourceaddr)
  setOption(socket, 'IP_ADD_MEMBERSHIP', { multiaddr: source.multiaddr, interface: loopback })
  setOption(socket, 'IP_BLOCK_SOURCE', source)
  expect(shown()).toEqual({ include: 0, exclude: 1 })
  setOption(socket, 'IP_UNBLOCK_SOURCE', source)
  expect(shown()).toEqual({ include: 0, exclude: 0 })
}

async function membershipIPv6Shown(): Promise<void> {
  const socket = await boundDatagram('udp6')
  const joined = () => /^1\s+lo\s+ff150000000000000000000000000077 /m.test(proc('igmp6'))
  const membership = { multiaddr: 'ff15::77', interface: 1 }
  setOption(socket, 'IPV6_JOIN_GROUP', membership)
  expect(joined()).toBe(true)
  setOption(socket, 'IPV6_LEAVE_GROUP', membership)
  expect(joined()).toBe(false)
}

/** Without /proc: who is in cannot enter again, who is out cannot leave. */
async function expectInAndOut(enter: OptionName, leave: OptionName, value: unknown): Promise<void> {
  const socket = await boundDatagram(enter.startsWith('IPV6') ? 'udp6' : 'udp4')
  const call = (name: string) => () => untyped.setOption(socket, name, value)
  for (let i = 0; i < 2; i++) {
    call(enter)()
    expect(errorOf(call(enter))).toMatchObject({ syscall: 'setsockopt', option: enter })
    call(leave)()
    expect(errorOf(call(leave))).toMatchObject({ syscall: 'setsockopt', option: leave })
  }
}

const inGroup = () =>
  expectInAndOut('IP_ADD_MEMBERSHIP', 'IP_DROP_MEMBERSHIP', {
    multiaddr: group,
    interface: loopback,
  })
const inGroupOfSource = () =>
  expectInAndOut('IP_ADD_SOURCE_MEMBERSHIP', 'IP_DROP_SOURCE_MEMBERSHIP', {
    multiaddr: '239.255.77.2',
    sourceaddr: '127.0.0.7',
    interface: loopback,
  })
const inGroupIPv6 = () =>
  expectInAndOut('IPV6_JOIN_GROUP', 'IPV6_LEAVE_GROUP', { multiaddr: 'ff15::77', interface: 1 })

async function blockedOnce(): Promise<void> {
  const socket = await boundDatagram('udp4')
  const membership = { multiaddr: '239.255.77.3', interface: loopback }
  const source = { ...membership, sourceaddr: '127.0.0.7' }
  const block = () => setOption(socket, 'IP_BLOCK_SOURCE', source)
  const unblock = () => setOption(socket, 'IP_UNBLOCK_SOURCE', source)
  setOption(socket, 'IP_ADD_MEMBERSHIP', membership)
  for (let i = 0; i < 2; i++) {
    block()
    expect(errorOf(block)).toMatchObject({ syscall: 'setsockopt', option: 'IP_BLOCK_SOURCE' })
    unblock()
    expect(errorOf(unblock)).toMatchObject({ syscall: 'setsockopt', option: 'IP_UNBLOCK_SOURCE' })
  }
}

const effectsOnWindows: typeof effects = {
  IP_ADD_MEMBERSHIP: inGroup,
  IP_DROP_MEMBERSHIP: inGroup,
  IP_ADD_SOURCE_MEMBERSHIP: inGroupOfSource,
  IP_DROP_SOURCE_MEMBERSHIP: inGroupOfSource,
  IP_BLOCK_SOURCE: blockedOnce,
  IP_UNBLOCK_SOURCE: blockedOnce,
  IPV6_JOIN_GROUP: inGroupIPv6,
  IPV6_LEAVE_GROUP: inGroupIPv6,
}

const effectsHere = isWindows ? effectsOnWindows : effects

const settable = optionsHere.filter(({ access }) => access === 'set')

test.runIf(isLinux || isWindows)('the effect of every option that can only be set is here', () => {
  expect(settable.map(({ name }) => name).toSorted()).toEqual(Object.keys(effectsHere).toSorted())
})

describe.each(settable)('$name', ({ name, needs }) => {
  // What needs CAP_BPF is refused here in the same way with and without it.
  const privileged = needs?.includes('CAP_NET') === true || name === 'SO_ATTACH_FILTER'
  const because = privileged ? ` (needs ${needs ?? 'root where unprivileged filters are off'})` : ''
  test.runIf(isSupported(name) && effectsHere[name] !== undefined && (isRoot || !privileged))(
    `does what it says${because}`,
    async () => {
      await effectsHere[name]?.()
    },
  )

  test('cannot be read: ERR_INVALID_ARG_VALUE', async () => {
    const socket = await socketOfKind(kindFor(name))
    for (const read of [
      () => untyped.getOption(socket, name),
      () => untyped.getOptions(socket, [name]),
    ]) {
      const error = errorOf(read)
      expect(error).toBeInstanceOf(TypeError)
      expect(error.code).toBe('ERR_INVALID_ARG_VALUE')
      expect(error.message).toContain('can only be set')
    }
  })

  test.runIf(isSupported(name))('refuses what is no value of its kind', async () => {
    const socket = await socketOfKind(kindFor(name))
    for (const value of ['x', null, undefined, [5], { multiaddr: 5 }, Symbol('x')]) {
      const error = errorOf(() => untyped.setOption(socket, name, value))
      expect(error.code).toMatch(/^ERR_INVALID_ARG_TYPE$/)
    }
  })
})

test.runIf(isLinux && isSupported('SO_INQ') && hasPython)(
  'SO_INQ: whoever reads is told what is left (needs python3)',
  async () => {
    const path = temporaryPath('unix.sock')
    const server = await listening(net.createServer({ pauseOnConnect: true }), { path })
    const accepting = once(server, 'connection') as Promise<[net.Socket]>
    const client = await connected({ path })
    const [accepted] = await accepting
    setOption(accepted, 'SO_INQ', true)
    client.write('hello world')
    const told = await python(
      descriptorOf(accepted),
      `
data, ancillary, flags, address = s.recvmsg(5, 100)
print(json.dumps([(level, kind, struct.unpack('i', value)[0]) for level, kind, value in ancillary]))
`,
    )
    const SCM_INQ = 84
    expect(told).toEqual([[1, SCM_INQ, 6]])
  },
)
