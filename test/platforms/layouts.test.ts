/**
 * The macOS and Windows columns, without a kernel of theirs: which option and which bytes a value becomes.
 * The expected bytes are written out by hand from the systems' headers; x64 and arm64 are little-endian.
 */
import { describe, expect, test } from 'vitest'
import type { Area } from '../../lib/codec/codec.js'
import { keepAliveOptions } from '../../lib/keep-alive.js'
import { platforms, type Platform } from '../../lib/platform.js'
import { resolve } from '../../lib/resolve.js'
import { userTimeoutMappings, userTimeoutOption } from '../../lib/user-timeout.js'
import { errorOf } from '../support/errors.js'

const columns = Object.fromEntries(
  platforms.map((platform) => [platform, resolve(platform)]),
) as Record<Platform, ReturnType<typeof resolve>>

function emptyArea(): Area {
  const bytes = new Uint8Array(1024)
  return {
    bytes,
    ints: new Int32Array(bytes.buffer),
    view: new DataView(bytes.buffer),
    address: 0x1122334455660000n,
    pointTo: () => 0x1122334455667788n,
  }
}

function optionOn(platform: Platform, name: string) {
  const option = columns[platform].get(name)
  if (option === undefined) throw new Error(`${platform} has no ${name}`)
  return option
}

/** What setsockopt would get: level, number, bytes in hex. */
function call(platform: Platform, name: string, value: unknown): [number, number, string] {
  const { level, number, layout } = optionOn(platform, name)
  const area = emptyArea()
  const length = layout.write(area, 0, layout.check(value, name))
  return [level, number, Buffer.from(area.bytes.subarray(0, length)).toString('hex')]
}

function answer(platform: Platform, name: string, hex: string): unknown {
  const { layout } = optionOn(platform, name)
  const area = emptyArea()
  const bytes = Buffer.from(hex, 'hex')
  area.bytes.set(bytes)
  return layout.read(area, 0, bytes.length)
}

describe('SO_LINGER', () => {
  test('Linux: two ints', () => {
    expect(call('linux', 'SO_LINGER', 5)).toEqual([1, 13, '0100000005000000'])
    expect(call('linux', 'SO_LINGER', 0)).toEqual([1, 13, '0100000000000000'])
    expect(call('linux', 'SO_LINGER', null)).toEqual([1, 13, '0000000000000000'])
  })

  test('macOS: SO_LINGER_SEC, since SO_LINGER counts ticks; at most 327 s', () => {
    expect(optionOn('darwin', 'SO_LINGER').nativeName).toBe('SO_LINGER_SEC')
    expect(call('darwin', 'SO_LINGER', 327)).toEqual([0xffff, 0x1080, '0100000047010000'])
    expect(errorOf(() => call('darwin', 'SO_LINGER', 328)).code).toBe('ERR_OUT_OF_RANGE')
  })

  test('Windows: two u_shorts, at most 65535 s', () => {
    expect(call('win32', 'SO_LINGER', 5)).toEqual([0xffff, 0x80, '01000500'])
    expect(call('win32', 'SO_LINGER', null)).toEqual([0xffff, 0x80, '00000000'])
    expect(errorOf(() => call('win32', 'SO_LINGER', 65_536)).code).toBe('ERR_OUT_OF_RANGE')
    expect(answer('win32', 'SO_LINGER', '0100ffff')).toBe(65_535)
  })

  test('off is null whatever seconds the kernel returns', () => {
    expect(answer('linux', 'SO_LINGER', '0000000007000000')).toBe(null)
    expect(answer('darwin', 'SO_LINGER', '8000000007000000')).toBe(7)
  })
})

describe('switches', () => {
  test('macOS answers with the flag’s own bit', () => {
    expect(answer('darwin', 'SO_KEEPALIVE', '08000000')).toBe(true)
    expect(answer('darwin', 'TCP_NODELAY', '04000000')).toBe(true)
    expect(answer('darwin', 'SO_ACCEPTCONN', '02000000')).toBe(true)
    expect(answer('darwin', 'SO_KEEPALIVE', '00000000')).toBe(false)
  })

  test('Windows may write one byte of the four', () => {
    expect(answer('win32', 'SO_KEEPALIVE', '01')).toBe(true)
    expect(answer('win32', 'TCP_NODELAY', '00')).toBe(false)
  })

  test('are ints to set', () => {
    for (const platform of platforms) {
      expect(call(platform, 'TCP_NODELAY', true)).toEqual([6, 1, '01000000'])
    }
  })
})

describe('keep-alive', () => {
  const settings = Object.entries(keepAliveOptions({ idle: 30_000, interval: 10_000, count: 3 }))

  function calls(platform: Platform): unknown[] {
    return settings.map(([name, value]) => [
      optionOn(platform, name).nativeName,
      ...call(platform, name, value),
    ])
  }

  test('Linux', () => {
    expect(calls('linux')).toEqual([
      ['TCP_KEEPIDLE', 6, 4, '1e000000'],
      ['TCP_KEEPINTVL', 6, 5, '0a000000'],
      ['TCP_KEEPCNT', 6, 6, '03000000'],
      ['SO_KEEPALIVE', 1, 9, '01000000'],
    ])
  })

  test('macOS: the idle time is TCP_KEEPALIVE; 0x100 would be TCP_RXT_FINDROP', () => {
    expect(calls('darwin')).toEqual([
      ['TCP_KEEPALIVE', 6, 0x10, '1e000000'],
      ['TCP_KEEPINTVL', 6, 0x101, '0a000000'],
      ['TCP_KEEPCNT', 6, 0x102, '03000000'],
      ['SO_KEEPALIVE', 0xffff, 8, '01000000'],
    ])
  })

  test('Windows', () => {
    expect(calls('win32')).toEqual([
      ['TCP_KEEPIDLE', 6, 3, '1e000000'],
      ['TCP_KEEPINTVL', 6, 17, '0a000000'],
      ['TCP_KEEPCNT', 6, 16, '03000000'],
      ['SO_KEEPALIVE', 0xffff, 8, '01000000'],
    ])
  })

  test('on macOS a listener must not have it, and the idle time is not inherited', () => {
    for (const name of ['SO_KEEPALIVE', 'TCP_KEEPIDLE']) {
      expect(optionOn('darwin', name).row.notInherited).toContain('darwin')
    }
    for (const name of ['TCP_KEEPINTVL', 'TCP_KEEPCNT']) {
      expect(optionOn('darwin', name).row.notInherited).toBeUndefined()
    }
  })
})

describe('user timeout', () => {
  function callOf(platform: Platform, ms: number, choice = 0): unknown[] {
    const mapping = userTimeoutMappings[platform][choice]
    if (mapping === undefined) throw new Error('no such mapping')
    const [[name, value] = ['', undefined]] = Object.entries(userTimeoutOption(mapping, ms))
    return [name, ...call(platform, name, value)]
  }

  test('Linux: TCP_USER_TIMEOUT in milliseconds', () => {
    expect(callOf('linux', 1500)).toEqual(['TCP_USER_TIMEOUT', 6, 18, 'dc050000'])
  })

  test('macOS: TCP_RXT_CONNDROPTIME in seconds, and nothing is rounded', () => {
    expect(callOf('darwin', 30_000)).toEqual(['TCP_RXT_CONNDROPTIME', 6, 0x80, '1e000000'])
    expect(errorOf(() => callOf('darwin', 1500)).code).toBe('ERR_OUT_OF_RANGE')
  })

  test('Windows: TCP_MAXRTMS in milliseconds, before that TCP_MAXRT in seconds', () => {
    expect(callOf('win32', 1500)).toEqual(['TCP_MAXRTMS', 6, 14, 'dc050000'])
    expect(callOf('win32', 30_000, 1)).toEqual(['TCP_MAXRT', 6, 5, '1e000000'])
    expect(errorOf(() => callOf('win32', 1500, 1)).code).toBe('ERR_OUT_OF_RANGE')
  })
})

describe('layouts that differ', () => {
  const time = { seconds: 3, microseconds: 500_000 }

  test('SO_RCVTIMEO: a timeval, on Windows a DWORD of milliseconds', () => {
    const timeval = '0300000000000000' + '20a1070000000000'
    expect(call('linux', 'SO_RCVTIMEO', time)).toEqual([1, 20, timeval])
    expect(call('darwin', 'SO_RCVTIMEO', time)).toEqual([0xffff, 0x1006, timeval])
    expect(call('win32', 'SO_RCVTIMEO', time)).toEqual([0xffff, 0x1006, 'ac0d0000'])
    expect(answer('win32', 'SO_RCVTIMEO', 'ac0d0000')).toEqual(time)
    const odd = { seconds: 0, microseconds: 1500 }
    expect(errorOf(() => call('win32', 'SO_RCVTIMEO', odd)).code).toBe('ERR_OUT_OF_RANGE')
  })

  test('IP_MULTICAST_TTL: an int, on macOS a byte', () => {
    expect(call('linux', 'IP_MULTICAST_TTL', 7)).toEqual([0, 33, '07000000'])
    expect(call('darwin', 'IP_MULTICAST_TTL', 7)).toEqual([0, 10, '07'])
    expect(call('win32', 'IP_MULTICAST_TTL', 7)).toEqual([0, 10, '07000000'])
  })

  test('IP_UNICAST_IF: network order; IPV6_UNICAST_IF: host order on Windows only', () => {
    expect(call('linux', 'IP_UNICAST_IF', 7)).toEqual([0, 50, '00000007'])
    expect(call('win32', 'IP_UNICAST_IF', 7)).toEqual([0, 31, '00000007'])
    expect(call('linux', 'IPV6_UNICAST_IF', 7)).toEqual([41, 76, '00000007'])
    expect(call('win32', 'IPV6_UNICAST_IF', 7)).toEqual([41, 31, '07000000'])
  })

  test('ip_mreq_source: the interface stands second on Linux, last elsewhere', () => {
    const value = { multiaddr: '232.1.2.3', interface: '127.0.0.1', sourceaddr: '10.0.0.9' }
    const [group, local, source] = ['e8010203', '7f000001', '0a000009']
    expect(call('linux', 'IP_ADD_SOURCE_MEMBERSHIP', value)[2]).toBe(group + local + source)
    expect(call('darwin', 'IP_ADD_SOURCE_MEMBERSHIP', value)[2]).toBe(group + source + local)
    expect(call('win32', 'IP_ADD_SOURCE_MEMBERSHIP', value)[2]).toBe(group + source + local)
  })

  test('SO_ATTACH_FILTER: a length and a pointer to the instructions', () => {
    const program = [{ code: 6, jt: 0, jf: 0, k: 0 }]
    const bytes = '0100000000000000' + '8877665544332211'
    expect(call('linux', 'SO_ATTACH_FILTER', program)).toEqual([1, 26, bytes])
  })
})

test('a row at an IP protocol’s level has that protocol’s prefix, and the other way round', () => {
  const prefixes = { IPPROTO_TCP: 'TCP_', IPPROTO_UDP: 'UDP_', IPPROTO_IPV6: 'IPV6_' }
  // Names that say nothing of their level.
  const others = ['PERSIST_TIMEOUT', 'IP6T_SO_ORIGINAL_DST']
  for (const platform of platforms) {
    for (const { name, row } of columns[platform].values()) {
      if (others.includes(name)) continue
      const expected = Object.entries(prefixes).find(([, prefix]) => name.startsWith(prefix))
      expect(`${name} ${expected?.[0] ?? 'elsewhere'}`).toBe(
        `${name} ${row.level in prefixes ? row.level : 'elsewhere'}`,
      )
    }
  }
})
