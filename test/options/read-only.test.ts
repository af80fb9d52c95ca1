import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, readFileSync } from 'node:fs'
import net from 'node:net'
import os from 'node:os'
import { describe, expect, onTestFinished, test } from 'vitest'
import { familyNumbers } from '../../lib/address.js'
import { native } from '../../lib/binding.js'
import { errnoOf } from '../../lib/errors.js'
import { getOption, type OptionName, options, setOption } from '../../lib/index.js'
import { platform } from '../../lib/platform.js'
import { errorOf } from '../support/errors.js'
import { boundDatagram, openSocket, socketOfKind } from '../support/kinds.js'
import { connected, listening, portOf, tcpPair } from '../support/sockets.js'
import { temporaryPath } from '../support/files.js'
import { commandExists } from '../support/commands.js'
import { isLinux, isRealWindows, isWindows } from '../support/system.js'
import * as untyped from '../support/untyped.js'
import { isSupported, optionsHere } from '../support/untyped.js'
import { wineRefusal } from '../support/wine-refusals.js'
import { kindFor } from './samples.js'

const ipprotoMptcp = 262
const tcpEstablished = 1
const tcpListen = 10

/** Both ends of a Unix connection. */
async function unixPair() {
  const path = temporaryPath('unix.sock')
  const server = await listening(net.createServer(), { path })
  const accepting = once(server, 'connection') as Promise<[net.Socket]>
  const client = await connected({ path })
  const [accepted] = await accepting
  return { server, client, accepted }
}

/** What an option that can only be read must say, by its name: no option may be missing here. */
const expectations: Partial<Record<OptionName, () => void | Promise<void>>> = {
  async SO_ACCEPTCONN() {
    const { server, client } = await tcpPair()
    expect(getOption(server, 'SO_ACCEPTCONN')).toBe(true)
    expect(getOption(client, 'SO_ACCEPTCONN')).toBe(false)
  },

  async SO_BSP_STATE() {
    const { client, accepted } = await tcpPair()
    const state = getOption(client, 'SO_BSP_STATE')
    // CSADDR_INFO (nspapi.h), x64: lengths of both addresses, type and protocol.
    expect([8, 24, 32, 36].map((at) => state.readInt32LE(at))).toEqual([16, 16, 1, 6])
    for (const port of [client.localPort, accepted.localPort]) {
      const address = Buffer.from([2, 0, 0, 0, 127, 0, 0, 1])
      address.writeUInt16BE(port ?? 0, 2)
      expect(state.subarray(40).includes(address), `the address with port ${port}`).toBe(true)
    }
  },

  async SO_CONNECT_TIME() {
    const seconds = getOption(await socketOfKind('tcp'), 'SO_CONNECT_TIME')
    expect(seconds).toBeLessThan(5)
    expect(getOption(await socketOfKind('unbound'), 'SO_CONNECT_TIME')).toBe(0xffffffff)
  },

  async SO_COOKIE() {
    const { server, client, accepted } = await tcpPair()
    const cookies = [server, client, accepted].map((socket) => getOption(socket, 'SO_COOKIE'))
    for (const cookie of cookies) expect(cookie).toBeTypeOf('bigint')
    expect(new Set(cookies).size).toBe(3)
    expect(getOption(client, 'SO_COOKIE')).toBe(cookies[1])
    if (!commandExists('ss')) return
    const filter = ['sport', '=', `:${client.localPort}`]
    const shown = execFileSync('ss', ['-tneH', ...filter], { encoding: 'utf8' })
    expect(shown).toContain(`sk:${cookies[1]?.toString(16)} `)
  },

  async SO_DOMAIN() {
    const { 4: ipv4, 6: ipv6 } = familyNumbers[platform]
    expect(getOption(await socketOfKind('tcp'), 'SO_DOMAIN')).toBe(ipv4)
    expect(getOption(await socketOfKind('tcp6'), 'SO_DOMAIN')).toBe(ipv6)
    expect(getOption(await socketOfKind('unix'), 'SO_DOMAIN')).toBe(1)
  },

  async SO_ERROR() {
    const nobody = await boundDatagram('udp4', '127.0.0.1')
    const { port } = nobody.address()
    nobody.close()
    const socket = await boundDatagram('udp4', '127.0.0.1')
    socket.on('error', () => undefined)
    socket.connect(port, '127.0.0.1')
    await once(socket, 'connect')
    expect(getOption(socket, 'SO_ERROR')).toBe(0)
    // Windows tells only who receives.
    if (isRealWindows) return
    socket.send('is anybody there?')
    expect(getOption(socket, 'SO_ERROR')).toBe(-errnoOf('ECONNREFUSED'))
    // Wine keeps it.
    if (isLinux) expect(getOption(socket, 'SO_ERROR'), 'reading clears it').toBe(0)
  },

  async SO_INCOMING_NAPI_ID() {
    // Loopback has no receive queues.
    expect(getOption(await socketOfKind('tcp'), 'SO_INCOMING_NAPI_ID')).toBe(0)
  },

  async SO_MAX_MSG_SIZE() {
    expect(getOption(await socketOfKind('udp'), 'SO_MAX_MSG_SIZE')).toBe(65507)
  },

  async SO_MEMINFO() {
    const { client } = await tcpPair()
    const info = getOption(client, 'SO_MEMINFO')
    expect(info.rcvbuf).toBe(getOption(client, 'SO_RCVBUF'))
    expect(info.sndbuf).toBe(getOption(client, 'SO_SNDBUF'))
    expect(info.drops).toBe(0)
    expect(Object.keys(info)).toEqual([
      'rmem_alloc',
      'rcvbuf',
      'wmem_alloc',
      'sndbuf',
      'fwd_alloc',
      'wmem_queued',
      'optmem',
      'backlog',
      'drops',
    ])
  },

  async SO_NETNS_COOKIE() {
    const { client, accepted } = await tcpPair()
    const cookie = getOption(client, 'SO_NETNS_COOKIE')
    expect(cookie).toBeTypeOf('bigint')
    expect(cookie).toBeGreaterThan(0n)
    expect(getOption(accepted, 'SO_NETNS_COOKIE')).toBe(cookie)
  },

  async SO_PEERCRED() {
    const { client, accepted } = await unixPair()
    const own = { pid: process.pid, uid: process.geteuid?.(), gid: process.getegid?.() }
    expect(getOption(client, 'SO_PEERCRED')).toEqual(own)
    expect(getOption(accepted, 'SO_PEERCRED')).toEqual(own)
  },

  async SO_PEERGROUPS() {
    const { accepted } = await unixPair()
    const groups = getOption(accepted, 'SO_PEERGROUPS')
    // Node adds the effective group to its own list.
    const known = new Set([...groups, process.getegid?.()])
    expect(known).toEqual(new Set(process.getgroups?.()))
  },

  async SO_PEERPIDFD() {
    const { accepted } = await unixPair()
    const pidfd = getOption(accepted, 'SO_PEERPIDFD')
    onTestFinished(() => closeSync(pidfd))
    expect(pidfd).toBeGreaterThan(2)
    const info = readFileSync(`/proc/self/fdinfo/${pidfd}`, 'utf8')
    expect(info).toMatch(new RegExp(`^Pid:\\s*${process.pid}$`, 'm'))
  },

  async SO_PEERSEC() {
    const { accepted } = await unixPair()
    if (isSupported('SO_PEERSEC')) expect(getOption(accepted, 'SO_PEERSEC')).toBeTypeOf('string')
    else expect(errorOf(() => getOption(accepted, 'SO_PEERSEC')).code).toBe('ENOPROTOOPT')
  },

  async SO_PROTOCOL() {
    expect(getOption(await socketOfKind('tcp'), 'SO_PROTOCOL')).toBe(6)
    expect(getOption(await socketOfKind('udp'), 'SO_PROTOCOL')).toBe(17)
    expect(getOption(await socketOfKind('unix'), 'SO_PROTOCOL')).toBe(0)
  },

  async SO_PROTOCOL_INFOW() {
    const kinds = ['tcp', 'tcp6', 'udp'] as const
    const infos = await Promise.all(
      kinds.map(async (kind) => getOption(await socketOfKind(kind), 'SO_PROTOCOL_INFOW')),
    )
    // WSAPROTOCOL_INFOW (winsock2.h): iAddressFamily, iSocketType, iProtocol.
    expect(infos.map((info) => [76, 88, 92].map((at) => info.readInt32LE(at)))).toEqual([
      [2, 1, 6],
      [23, 1, 6],
      [2, 2, 17],
    ])
    expect(infos[0]?.length).toBe(628)
  },

  async SO_TYPE() {
    expect(getOption(await socketOfKind('tcp'), 'SO_TYPE')).toBe(1)
    expect(getOption(await socketOfKind('listener'), 'SO_TYPE')).toBe(1)
    expect(getOption(await socketOfKind('udp'), 'SO_TYPE')).toBe(2)
    if (isWindows) return
    expect(getOption(await socketOfKind('unix'), 'SO_TYPE')).toBe(1)
  },

  async TCP_CC_INFO() {
    const { client } = await tcpPair()
    expect(getOption(client, 'TCP_CC_INFO').length).toBeLessThanOrEqual(64)
    setOption(client, 'TCP_CONGESTION', 'reno')
    expect(getOption(client, 'TCP_CC_INFO').length, 'reno tells nothing').toBe(0)
  },

  async TCP_ICMP_ERROR_INFO() {
    expect(getOption(await socketOfKind('tcp'), 'TCP_ICMP_ERROR_INFO')).toBe(null)
  },

  async TCP_INFO() {
    const { server, client } = await tcpPair()
    const info = getOption(client, 'TCP_INFO')
    expect(info[0]).toBe(tcpEstablished)
    // Linux 4.0 had 104 bytes; it grows with the kernel's version.
    expect(info.length).toBeGreaterThanOrEqual(104)
    expect(getOption(server, 'TCP_INFO')[0]).toBe(tcpListen)
  },

  async TCP_IS_MPTCP() {
    expect(getOption(await socketOfKind('tcp'), 'TCP_IS_MPTCP')).toBe(false)
    const multipath = native.open(familyNumbers[platform][4], 1, ipprotoMptcp)
    // Negative where sysctl net.mptcp.enabled is 0.
    if (multipath < 0) return
    onTestFinished(() => void native.close(multipath))
    expect(getOption(multipath, 'TCP_IS_MPTCP')).toBe(true)
    expect(getOption(multipath, 'SO_PROTOCOL')).toBe(ipprotoMptcp)
  },

  async TCP_SAVED_SYN() {
    const server = await listening(net.createServer())
    setOption(server, 'TCP_SAVE_SYN', 1)
    const accepting = once(server, 'connection') as Promise<[net.Socket]>
    const client = await connected({ port: portOf(server), host: '127.0.0.1' })
    const [accepted] = await accepting
    const syn = getOption(accepted, 'TCP_SAVED_SYN')
    expect(syn[0], 'IPv4, 20 bytes of header').toBe(0x45)
    expect(syn.readUInt16BE(20), 'source port').toBe(client.localPort)
    expect(syn.readUInt16BE(22), 'destination port').toBe(portOf(server))
    expect(getOption(accepted, 'TCP_SAVED_SYN').length, 'can be read once').toBe(0)
  },

  async IP_MTU() {
    const mtu = getOption(await socketOfKind('tcp'), 'IP_MTU')
    if (isLinux) {
      expect(mtu).toBe(Math.min(os.networkInterfaces().lo ? readMtu('lo') : 65535, 65535))
    } else expect(mtu).not.toBe(0)
    const error = errorOf(() => getOption(openSocket(4, 'datagram'), 'IP_MTU'))
    expect(error).toMatchObject({ code: 'ENOTCONN', option: 'IP_MTU' })
  },

  async SO_ORIGINAL_DST() {
    expectNoTranslation(await socketOfKind('tcp'), 'SO_ORIGINAL_DST')
  },

  async IP6T_SO_ORIGINAL_DST() {
    expectNoTranslation(await socketOfKind('tcp6'), 'IP6T_SO_ORIGINAL_DST')
  },
}

function readMtu(device: string): number {
  return Number(readFileSync(`/sys/class/net/${device}/mtu`, 'utf8'))
}

/** ENOENT: the connection is not tracked; ENOPROTOOPT: the kernel tracks none. Windows' code is not documented. */
function expectNoTranslation(socket: Parameters<typeof getOption>[0], name: OptionName): void {
  const error = errorOf(() => untyped.getOption(socket, name))
  expect(error).toMatchObject({ syscall: 'getsockopt', option: name })
  if (isLinux) expect(['ENOENT', 'ENOPROTOOPT']).toContain(error.code)
}

const readable = optionsHere.filter(({ access }) => access === 'get').map(({ name }) => name)

test.runIf(isLinux || isWindows)('every option that can only be read is expected here', () => {
  const missing = readable.filter((name) => expectations[name] === undefined)
  expect(missing).toEqual([])
  const names = Object.keys(expectations) as OptionName[]
  expect(names.filter((name) => options[name].access !== 'get')).toEqual([])
})

describe.each(readable)('%s', (name) => {
  const refusal = wineRefusal(name, 'get')
  test.runIf(refusal !== undefined)(`is refused by Wine: ${refusal}`, async () => {
    const socket = await socketOfKind(kindFor(name))
    expect(errorOf(() => untyped.getOption(socket, name)).code).toBe(refusal)
  })

  const known = isSupported(name) || name === 'SO_PEERSEC'
  test.runIf(known && expectations[name] !== undefined)('can be read', async () => {
    await expectations[name]?.()
  })

  test('cannot be set: ERR_INVALID_ARG_VALUE, whatever the value', async () => {
    const socket = await socketOfKind(kindFor(name))
    for (const value of [1, true, Buffer.alloc(4), null, undefined]) {
      const error = errorOf(() => untyped.setOption(socket, name, value))
      expect(error).toBeInstanceOf(TypeError)
      expect(error.code).toBe('ERR_INVALID_ARG_VALUE')
      expect(error.message).toContain(name)
      expect(error.message).toContain('can only be read')
    }
    expect(errorOf(() => untyped.setOptions(socket, { [name]: 1 })).code).toBe(
      'ERR_INVALID_ARG_VALUE',
    )
  })
})
