import { spawn } from 'node:child_process'
import { once } from 'node:events'
import net from 'node:net'
import { isDeepStrictEqual } from 'node:util'
import { afterEach, describe, expect, onTestFinished, test } from 'vitest'
import {
  getOption,
  getOptions,
  getsockopt,
  options,
  type ReadableOption,
  setOption,
  setOptions,
  type SocketTarget,
} from '../../lib/index.js'
import { commandExists } from '../support/commands.js'
import { errorOf } from '../support/errors.js'
import { temporaryPath } from '../support/files.js'
import { openSocket } from '../support/kinds.js'
import { probe } from '../support/probe-option.js'
import { listening, tcpPair } from '../support/sockets.js'
import { isLinux } from '../support/system.js'
import * as untyped from '../support/untyped.js'
import { isRoot, isSupported, optionsHere } from '../support/untyped.js'
import { casesFor } from './samples.js'

const onLinux = test.runIf(isLinux)

describe('setOptions and getOptions', () => {
  test('several at once', async () => {
    const { client } = await tcpPair()
    setOptions(client, {
      TCP_NODELAY: true,
      [probe.name]: 77,
      SO_LINGER: null,
      SO_RCVTIMEO: { seconds: 3, microseconds: 500_000 },
    })
    const names = ['SO_LINGER', probe.name, 'SO_RCVTIMEO', 'TCP_NODELAY'] as const
    const kept = getOptions(client, names)
    expect(kept).toEqual({
      SO_LINGER: null,
      [probe.name]: 77,
      SO_RCVTIMEO: { seconds: 3, microseconds: 500_000 },
      TCP_NODELAY: true,
    })
    expect(Object.keys(kept), 'in the order of the names').toEqual(names)
    for (const name of names) expect(getOption(client, name)).toEqual(kept[name])
  })

  test('nothing to do is fine', async () => {
    const { client } = await tcpPair()
    setOptions(client, {})
    expect(getOptions(client, [])).toEqual({})
  })

  test('nothing to do on a closed socket is still ERR_SOCKET_CLOSED', async () => {
    const { client } = await tcpPair()
    client.destroy()
    expect(errorOf(() => setOptions(client, {})).code).toBe('ERR_SOCKET_CLOSED')
    expect(errorOf(() => getOptions(client, [])).code).toBe('ERR_SOCKET_CLOSED')
  })

  test('a name given twice is read once', async () => {
    const { client } = await tcpPair()
    const kept = getOptions(client, [probe.name, 'SO_LINGER', probe.name])
    expect(kept).toEqual({ [probe.name]: probe.initial, SO_LINGER: null })
  })

  onLinux('are set in the order of the keys: the later of two that meet counts', async () => {
    const { client } = await tcpPair()
    // IP_TOS sets SO_PRIORITY as well (ip(7)): 184 is class 6.
    setOptions(client, { SO_PRIORITY: 1, IP_TOS: 184 })
    expect(getOption(client, 'SO_PRIORITY')).not.toBe(1)
    setOptions(client, { IP_TOS: 184, SO_PRIORITY: 1 })
    expect(getOption(client, 'SO_PRIORITY')).toBe(1)
  })

  test('an error names the option and those that were applied before it', async () => {
    const { client } = await tcpPair()
    const { second, secondValue, third, thirdValue } = probe
    const initial = getOption(client, third)
    const error = errorOf(() =>
      setOptions(client, {
        [second]: secondValue,
        TCP_NODELAY: true,
        [probe.name]: probe.refused,
        [third]: thirdValue,
      }),
    )
    expect(error).toMatchObject({
      code: 'EINVAL',
      syscall: 'setsockopt',
      option: probe.name,
      applied: [second, 'TCP_NODELAY'],
    })
    expect(error.message).toContain(probe.name)
    expect(getOptions(client, [second, 'TCP_NODELAY', probe.name, third])).toEqual({
      [second]: secondValue,
      TCP_NODELAY: true,
      [probe.name]: probe.initial,
      [third]: initial,
    })
    expect(initial).not.toBe(thirdValue)
  })

  test('the first that is refused has applied nothing', async () => {
    const { client } = await tcpPair()
    const values = { [probe.name]: probe.refused, [probe.third]: probe.thirdValue }
    const error = errorOf(() => setOptions(client, values))
    expect(error).toMatchObject({ option: probe.name, applied: [] })
  })

  test.for([
    ['a value that does not fit', { [probe.name]: 77, [probe.third]: 1.5 }, 'ERR_OUT_OF_RANGE'],
    ['a value of another type', { [probe.name]: 77, TCP_NODELAY: 1 }, 'ERR_INVALID_ARG_TYPE'],
    ['a name that nobody knows', { [probe.name]: 77, TCP_NIX: 1 }, 'ERR_INVALID_ARG_VALUE'],
    ['an option that is read only', { [probe.name]: 77, SO_TYPE: 1 }, 'ERR_INVALID_ARG_VALUE'],
  ] as const)('nothing is set when there is %s', async ([, values, code]) => {
    const { client } = await tcpPair()
    expect(errorOf(() => untyped.setOptions(client, values)).code).toBe(code)
    expect(getOption(client, probe.name)).toBe(probe.initial)
  })

  test('getOptions names the option that was refused, and has no "applied"', async () => {
    const { client } = await tcpPair()
    const error = errorOf(() => getOptions(client, ['SO_TYPE', 'IPV6_UNICAST_HOPS']))
    expect(error).toMatchObject({ syscall: 'getsockopt', option: 'IPV6_UNICAST_HOPS' })
    expect(error).not.toHaveProperty('applied')
  })

  test.for([undefined, null, 5, 'TCP_KEEPIDLE', [{ TCP_KEEPIDLE: 5 }], Symbol('x')] as any[])(
    '%s is no object of values, and no list of names',
    async (values) => {
      const { client } = await tcpPair()
      expect(errorOf(() => untyped.setOptions(client, values)).code).toBe('ERR_INVALID_ARG_TYPE')
      expect(errorOf(() => untyped.getOptions(client, values)).code).toBe('ERR_INVALID_ARG_TYPE')
    },
  )
})

describe('large batches', () => {
  const tcpCases = optionsHere
    .filter(({ name, access }) => access === 'both' && isSupported(name))
    .flatMap((option) => casesFor(option).map((one) => ({ name: option.name, one })))
    .filter(
      ({ one }) =>
        one.kind === 'tcp' &&
        !one.refused &&
        !one.mayBeRefused &&
        !one.keepsInitial &&
        !one.prepare,
    )
    // In repair mode, or with a clock of its own, the connection is no ordinary one any more.
    .filter(({ name }) => name !== 'TCP_REPAIR' && name !== 'SO_LOCK_FILTER')

  test.runIf(isLinux && isRoot)(
    'all options of a TCP connection in one call (needs CAP_NET_ADMIN)',
    async () => {
      const { client } = await tcpPair()
      const samples = new Map(tcpCases.map(({ name, one }) => [name, one.samples[0]]))
      expect(samples.size).toBeGreaterThan(45)
      // What one of these sets, another changes as well: IP_TOS the priority, SO_RCVBUF its lock; and a time of
      // arrival comes in one unit only.
      for (const name of ['SO_PRIORITY', 'SO_BUF_LOCK', 'SO_TIMESTAMP'] as const)
        samples.delete(name)
      setOptions(
        client,
        Object.fromEntries([...samples].map(([name, sample]) => [name, sample?.set])),
      )
      const kept = untyped.getOptions(client, [...samples.keys()])
      const wrong = [...samples].filter(
        ([name, sample]) => !isDeepStrictEqual(kept[name], sample?.reads ?? sample?.set),
      )
      expect(wrong.map(([name]) => [name, kept[name]])).toEqual([])
    },
  )

  test('60 names and more (Windows: 20) in one call read what single calls read', async () => {
    const { client } = await tcpPair()
    // What moves by itself, or can be read once, is left out; SO_BSP_STATE has pointers.
    const moving = [
      'TCP_INFO',
      'TCP_CC_INFO',
      'TCP_TIMESTAMP',
      'SO_MEMINFO',
      'SO_INCOMING_CPU',
      'SO_BSP_STATE',
      'SO_CONNECT_TIME',
    ]
    const names = Object.values(options)
      .filter(({ access, name }) => access !== 'set' && !moving.includes(name))
      .map(({ name }) => name)
      .filter((name) => {
        try {
          untyped.getOption(client, name)
          return true
        } catch {
          return false
        }
      }) as ReadableOption[]
    expect(names.length).toBeGreaterThan(isLinux ? 60 : 20)
    const kept = getOptions(client, names)
    for (const name of names) expect(kept[name], name).toEqual(untyped.getOption(client, name))
  })

  test('more names than the memory holds is an error, not a crash', async () => {
    const { client } = await tcpPair()
    const many = (count: number) => new Array<typeof probe.name>(count).fill(probe.name)
    expect(getOptions(client, many(1000))).toEqual({ [probe.name]: probe.initial })
    expect(errorOf(() => getOptions(client, many(10_000))).code).toBe('ERR_OUT_OF_RANGE')
    expect(getOptions(client, many(1000))).toEqual({ [probe.name]: probe.initial })
  })
})

/** A program of so many instructions that lets everything pass. */
function passing(count: number, k = 0xffffffff) {
  return Array.from({ length: count }, () => ({ code: 6, jt: 0, jf: 0, k }))
}

const SO_GET_FILTER = 26

/** How many instructions the attached program has; the kernel counts this option's length in them. */
function attachedLength(socket: SocketTarget): number {
  return getsockopt(socket, 1, SO_GET_FILTER, 4096).length
}

describe.runIf(isLinux && isRoot)('filters (need root where bpf is restricted)', () => {
  test('4096 instructions, alone and with others', async () => {
    const { client } = await tcpPair()
    setOption(client, 'SO_ATTACH_FILTER', passing(4096))
    expect(attachedLength(client)).toBe(4096)
    // Both at once would be more than sysctl net.core.optmem_max.
    setOption(client, 'SO_DETACH_FILTER', 0)
    setOptions(client, { TCP_KEEPIDLE: 77, SO_ATTACH_FILTER: passing(4096), TCP_KEEPCNT: 5 })
    expect(attachedLength(client)).toBe(4096)
    expect(getOptions(client, ['TCP_KEEPIDLE', 'TCP_KEEPCNT'])).toEqual({
      TCP_KEEPIDLE: 77,
      TCP_KEEPCNT: 5,
    })
  })

  test('4097 instructions are out of range', async () => {
    const { client } = await tcpPair()
    const error = errorOf(() => setOption(client, 'SO_ATTACH_FILTER', passing(4097)))
    expect(error.code).toBe('ERR_OUT_OF_RANGE')
  })

  test('no instruction is the kernel’s EINVAL', async () => {
    const { client } = await tcpPair()
    expect(errorOf(() => setOption(client, 'SO_ATTACH_FILTER', [])).code).toBe('EINVAL')
  })

  test('two in one call keep to themselves: each is its own program', () => {
    const socket = openSocket(4, 'stream')
    setOptions(socket, {
      SO_REUSEPORT: true,
      SO_ATTACH_REUSEPORT_CBPF: passing(1000, 0),
      SO_ATTACH_FILTER: passing(2000, 65535),
    })
    expect(attachedLength(socket)).toBe(2000)
    expect(getsockopt(socket, 1, SO_GET_FILTER, 4096).readUInt32LE(4)).toBe(65535)
  })

  test('two that are too large together are refused, and the next call is not', async () => {
    const { client } = await tcpPair()
    const both = {
      SO_ATTACH_REUSEPORT_CBPF: passing(4096, 0),
      SO_ATTACH_FILTER: passing(4096),
    }
    expect(errorOf(() => setOptions(client, both)).code).toBe('ERR_OUT_OF_RANGE')
    setOptions(client, { TCP_KEEPIDLE: 77 })
    setOption(client, 'SO_ATTACH_FILTER', passing(4096))
  })

  // The memory of the first program must be free again, however the call ended. A set that succeeds frees it.
  afterEach(() => setOption(openSocket(4, 'stream'), 'TCP_KEEPIDLE', 77))

  test('one that was refused with its batch leaves room for the next', async () => {
    const { client } = await tcpPair()
    const values = { SO_ATTACH_FILTER: passing(4096), TCP_KEEPIDLE: 1.5 }
    expect(errorOf(() => setOptions(client, values)).code).toBe('ERR_OUT_OF_RANGE')
    setOption(client, 'SO_ATTACH_FILTER', passing(4096))
  })

  test('one for a closed socket leaves room for the next', async () => {
    const { client, accepted } = await tcpPair()
    client.destroy()
    const set = () => setOption(client, 'SO_ATTACH_FILTER', passing(4096))
    expect(errorOf(set).code).toBe('ERR_SOCKET_CLOSED')
    setOption(accepted, 'SO_ATTACH_FILTER', passing(4096))
  })

  test('a program with a hole is no program', async () => {
    const { client } = await tcpPair()
    const program = [, ...passing(1)] as ReturnType<typeof passing>
    expect(errorOf(() => setOption(client, 'SO_ATTACH_FILTER', program)).code).toBe(
      'ERR_INVALID_ARG_TYPE',
    )
  })
})

describe.runIf(isLinux && isRoot && commandExists('python3'))(
  'SO_PEERGROUPS (needs root and python3, to be in many groups)',
  () => {
    test.for([1, 100, 1024])('%s groups', expectGroups)

    // A process may be in 65536 (NGROUPS_MAX, limits.h).
    test('5000 groups', () => expectGroups(5000))

    async function expectGroups(count: number): Promise<void> {
      const path = temporaryPath('unix.sock')
      const server = await listening(net.createServer(), { path })
      const accepting = once(server, 'connection') as Promise<[net.Socket]>
      const program = `
import os, socket, sys
os.setgroups(range(5, ${count + 5}))
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
sys.stdin.read()
`
      const child = spawn('python3', ['-c', program, path], {
        stdio: ['pipe', 'ignore', 'inherit'],
      })
      onTestFinished(() => void child.kill())
      const [accepted] = await accepting
      const groups = Array.from({ length: count }, (_, i) => i + 5)
      expect(getOption(accepted, 'SO_PEERGROUPS')).toEqual(groups)
      expect(getOptions(accepted, ['SO_TYPE', 'SO_PEERGROUPS', 'SO_DOMAIN'])).toEqual({
        SO_TYPE: 1,
        SO_PEERGROUPS: groups,
        SO_DOMAIN: 1,
      })
    }
  },
)
