/**
 * The requests of Windows without a Windows: which number, which bytes an input becomes and what an answer's bytes
 * are. The expected bytes are written out by hand from the Windows SDK's headers.
 */
import { describe, expect, test } from 'vitest'
import type { Area } from '../../lib/codec/codec.js'
import { errnoOf } from '../../lib/errors.js'
import { newestKnown } from '../../lib/request.js'
import { type IoctlRow, ioctlTable, refusalOf, refusedRequests } from '../../lib/ioctls.js'
import { errorOf } from '../support/errors.js'

const requests = Object.entries<IoctlRow>(ioctlTable).filter(([name]) => name.startsWith('SIO_'))

/** Where the answer begins, for those that hold pointers. */
const address = 0x1122334455660000n

function areaWith(hex: string): Area {
  const bytes = new Uint8Array(1024)
  bytes.set(Buffer.from(hex, 'hex'))
  const view = new DataView(bytes.buffer)
  return { bytes, view, ints: new Int32Array(bytes.buffer), address, pointTo: () => 0n }
}

/** The bytes that WSAIoctl would get, in hex. Whatever stood there before is none of them. */
function sent(name: keyof typeof ioctlTable, value: unknown): string {
  const { input }: IoctlRow = ioctlTable[name]
  if (input === undefined) throw new Error(`${name} takes nothing`)
  const layout = input.on('win32')
  const area = areaWith('ff'.repeat(64))
  area.bytes.fill(0, 0, layout.size)
  const length = layout.write(area, 0, layout.check(value, 'input'))
  return Buffer.from(area.bytes.subarray(0, length)).toString('hex')
}

function answered(name: keyof typeof ioctlTable, hex: string): unknown {
  const { value }: IoctlRow = ioctlTable[name]
  if (value === undefined) throw new Error(`${name} answers nothing`)
  return value.on('win32').read(areaWith(hex), 0, hex.length / 2)
}

const cpu = '0100' + '0700' + '0300' + '0000'
const v4 = '0200' + '1f90' + 'c0a80009' + '00'.repeat(8)
const v6 = '1700' + '1f90' + '00000000' + 'fe80' + '00'.repeat(13) + '01' + '05000000'

const inputs: [name: keyof typeof ioctlTable, value: unknown, hex: string][] = [
  ['SIO_ACQUIRE_PORT_RESERVATION', { StartPort: 0x1f90, NumberOfPorts: 3 }, '1f900300'],
  ['SIO_ASSOCIATE_PORT_RESERVATION', 0x1122334455667788n, '8877665544332211'],
  ['SIO_CPU_AFFINITY', 258, '0201'],
  ['SIO_GET_TX_TIMESTAMP', 0xfffffffe, 'feffffff'],
  [
    'SIO_KEEPALIVE_VALS',
    { onoff: 1, keepalivetime: 30_000, keepaliveinterval: 1000 },
    '01000000' + '30750000' + 'e8030000',
  ],
  ['SIO_LOOPBACK_FAST_PATH', true, '01000000'],
  ['SIO_MULTICAST_SCOPE', 2, '02000000'],
  ['SIO_RCVALL', 3, '03000000'],
  ['SIO_RELEASE_PORT_RESERVATION', 5, '0500000000000000'],
  ['SIO_ROUTING_INTERFACE_QUERY', { address: '192.168.0.9', port: 8080 }, v4],
  ['SIO_ROUTING_INTERFACE_QUERY', { address: 'fe80::1%5', port: 8080 }, v6],
  ['SIO_ROUTING_INTERFACE_QUERY', { address: 'fe80::1', port: 8080, scope: 5 }, v6],
  ['SIO_ROUTING_INTERFACE_QUERY', { address: '1.2.3.4' }, '02000000' + '01020304' + '00'.repeat(8)],
  ['SIO_SET_PRIORITY_HINT', 1, '01000000'],
  ['SIO_SET_WFP_CONNECTION_REDIRECT_RECORDS', Uint8Array.of(1, 2, 3), '010203'],
  ['SIO_TCP_INITIAL_RTO', { Rtt: 500, MaxSynRetransmissions: 254 }, 'f401' + 'fe00'],
  ['SIO_TCP_SET_ACK_FREQUENCY', 1, '01'],
  ['SIO_TCP_SET_ICW', 254, 'fe000000'],
  ['SIO_TIMESTAMPING', { Flags: 3, TxTimestampsBuffered: 16 }, '03000000' + '10000000'],
  ['SIO_UDP_CONNRESET', false, '00000000'],
  ['SIO_UDP_NETRESET', true, '01000000'],
]

const answers: [name: keyof typeof ioctlTable, hex: string, value: unknown][] = [
  [
    'SIO_ACQUIRE_PORT_RESERVATION',
    '1f900300' + '00000000' + '8877665544332211',
    { StartPort: 8080, NumberOfPorts: 3, Token: 0x1122334455667788n },
  ],
  ['SIO_AF_UNIX_GETPEERPID', '0a000080', 0x8000000a],
  ['SIO_BASE_HANDLE', '7c01000000000000', 380],
  ['SIO_GET_TX_TIMESTAMP', 'ffffffffffffffff', 2n ** 64n - 1n],
  ['SIO_IDEAL_SEND_BACKLOG_QUERY', '00000100', 65_536],
  ['SIO_QUERY_RSS_PROCESSOR_INFO', cpu, { Group: 1, Number: 7, NumaNodeId: 3 }],
  ['SIO_QUERY_WFP_CONNECTION_REDIRECT_CONTEXT', '0102', Buffer.from([1, 2])],
  ['SIO_QUERY_WFP_CONNECTION_REDIRECT_RECORDS', '', Buffer.alloc(0)],
  ['SIO_ROUTING_INTERFACE_QUERY', v4, { family: 4, address: '192.168.0.9', port: 8080 }],
  ['SIO_ROUTING_INTERFACE_QUERY', v6, { family: 6, address: 'fe80::1', port: 8080, scope: 5 }],
]

describe('what a request takes', () => {
  test.for(inputs)('%s %o is %s', ([name, value, hex]) => {
    expect(sent(name, value)).toBe(hex)
  })

  test('has been written down for each', () => {
    const takes = requests.filter(([, { input }]) => input !== undefined)
    expect(new Set(inputs.map(([name]) => name))).toEqual(new Set(takes.map(([name]) => name)))
  })

  test.for([
    ['SIO_KEEPALIVE_VALS', { onoff: 1, keepalivetime: 1000 }, 'TYPE', 'input.keepaliveinterval'],
    [
      'SIO_KEEPALIVE_VALS',
      { onoff: 1, keepalivetime: 2 ** 32, keepaliveinterval: 1 },
      'RANGE',
      'input.keepalivetime',
    ],
    ['SIO_KEEPALIVE_VALS', null, 'TYPE', 'input'],
    ['SIO_TCP_INITIAL_RTO', { Rtt: 65_536, MaxSynRetransmissions: 1 }, 'RANGE', 'input.Rtt'],
    ['SIO_TCP_INITIAL_RTO', { Rtt: 1, MaxSynRetransmissions: 1.5 }, 'RANGE', 'input.MaxSynRetr'],
    ['SIO_TCP_SET_ACK_FREQUENCY', 256, 'RANGE', 'input'],
    ['SIO_CPU_AFFINITY', 65_536, 'RANGE', 'input'],
    ['SIO_CPU_AFFINITY', undefined, 'TYPE', 'input'],
    ['SIO_UDP_CONNRESET', 0, 'TYPE', 'input'],
    ['SIO_RELEASE_PORT_RESERVATION', -1n, 'RANGE', 'input'],
    ['SIO_ACQUIRE_PORT_RESERVATION', { StartPort: 1 }, 'TYPE', 'input.NumberOfPorts'],
    ['SIO_ACQUIRE_PORT_RESERVATION', { StartPort: -1, NumberOfPorts: 1 }, 'RANGE', 'StartPort'],
    ['SIO_SET_WFP_CONNECTION_REDIRECT_RECORDS', 'text', 'TYPE', 'input'],
    ['SIO_SET_WFP_CONNECTION_REDIRECT_RECORDS', Buffer.alloc(20_000), 'RANGE', 'input.length'],
    ['SIO_ROUTING_INTERFACE_QUERY', { port: 1 }, 'TYPE', 'input.address'],
    ['SIO_ROUTING_INTERFACE_QUERY', { address: 'here' }, 'VALUE', 'input.address'],
    ['SIO_ROUTING_INTERFACE_QUERY', { address: '1.2.3.4', port: 65_536 }, 'RANGE', 'input.port'],
    ['SIO_ROUTING_INTERFACE_QUERY', { address: '::1', scope: '5' }, 'TYPE', 'input.scope'],
    ['SIO_ROUTING_INTERFACE_QUERY', { address: 'fe80::1%nowhere' }, 'VALUE', 'input.address'],
  ] as [keyof typeof ioctlTable, unknown, string, string][])(
    '%s %o is refused (%s, %s)',
    ([name, value, kind, argument]) => {
      const codes: Record<string, string> = {
        TYPE: 'ERR_INVALID_ARG_TYPE',
        VALUE: 'ERR_INVALID_ARG_VALUE',
        RANGE: 'ERR_OUT_OF_RANGE',
      }
      const error = errorOf(() => sent(name, value))
      expect(error.code).toBe(codes[kind])
      expect(error.message).toContain(argument)
    },
  )
})

describe('what a request answers', () => {
  test.for(answers)('%s %s is %o', ([name, hex, value]) => {
    expect(answered(name, hex)).toEqual(value)
  })

  test('has been written down for each', () => {
    const elsewhere = ['SIO_ADDRESS_LIST_QUERY', 'SIO_TCP_INFO']
    const answering = requests.filter(([, { value }]) => value !== undefined)
    expect(new Set([...answers.map(([name]) => name), ...elsewhere])).toEqual(
      new Set(answering.map(([name]) => name)),
    )
  })
})

describe('SIO_ADDRESS_LIST_QUERY', () => {
  const le = (number: bigint | number): string => {
    const bytes = Buffer.alloc(8)
    bytes.writeBigUInt64LE(BigInt.asUintN(64, BigInt(number)))
    return bytes.toString('hex')
  }
  /** Two addresses, which stand behind the list. */
  function list({ count = 2, first = address + 40n, length = 16 } = {}): string {
    const entries = le(first) + le(length) + le(address + 56n) + le(28)
    return le(count) + entries + v4 + v6
  }

  test('pointers are followed into the answer', () => {
    expect(answered('SIO_ADDRESS_LIST_QUERY', list())).toEqual([
      { family: 4, address: '192.168.0.9', port: 8080 },
      { family: 6, address: 'fe80::1', port: 8080, scope: 5 },
    ])
    expect(answered('SIO_ADDRESS_LIST_QUERY', list({ count: 1 }))).toHaveLength(1)
    expect(answered('SIO_ADDRESS_LIST_QUERY', list({ count: 0 }))).toEqual([])
    expect(answered('SIO_ADDRESS_LIST_QUERY', '00000000')).toEqual([])
  })

  test.for([
    ['a pointer before the answer', { first: address - 1n }, 'a pointer to somewhere else'],
    ['a pointer behind the answer', { first: address + 84n }, 'a pointer to somewhere else'],
    ['a pointer partly behind it', { first: address + 69n }, 'a pointer to somewhere else'],
    ['a pointer to nothing', { first: 0n }, 'a pointer to somewhere else'],
    ['a pointer to the end of memory', { first: -1n }, 'a pointer to somewhere else'],
    ['a negative length', { length: -16 }, 'a pointer to somewhere else'],
    ['less than an address', { length: 15 }, 'an address that is not IP'],
    ['a pointer to what is no address', { first: address + 4n }, 'an address that is not IP'],
    ['more addresses than bytes', { count: 6 }, '6 addresses in 84 bytes'],
    ['fewer addresses than none', { count: -1 }, '-1 addresses in 84 bytes'],
  ] as const)('%s is refused', ([, wrong, reason]) => {
    const error = errorOf(() => answered('SIO_ADDRESS_LIST_QUERY', list(wrong)))
    expect(error).toMatchObject({ code: 'EBADMSG', syscall: 'ioctl' })
    expect(error.message).toContain(`the answer holds ${reason}`)
  })
})

describe('SIO_TCP_INFO', () => {
  /** Each 32-bit word is its own number, so that each member tells where it was read. */
  const words = (count: number): string =>
    Buffer.from(Uint32Array.from({ length: count }, (_, i) => i).buffer).toString('hex')
  const wide = (word: number): bigint => BigInt(word) + (BigInt(word + 1) << 32n)

  const v0 = {
    State: 0,
    Mss: 1,
    ConnectionTimeMs: wide(2),
    TimestampsEnabled: true,
    RttUs: 5,
    MinRttUs: 6,
    BytesInFlight: 7,
    Cwnd: 8,
    SndWnd: 9,
    RcvWnd: 10,
    RcvBuf: 11,
    BytesOut: wide(12),
    BytesIn: wide(14),
    BytesReordered: 16,
    BytesRetrans: 17,
    FastRetrans: 18,
    DupAcksIn: 19,
    TimeoutEpisodes: 20,
    SynRetrans: 21,
  }
  const v1 = {
    ...v0,
    SndLimTransRwin: 22,
    SndLimTimeRwin: 23,
    SndLimBytesRwin: wide(24),
    SndLimTransCwnd: 26,
    SndLimTimeCwnd: 27,
    SndLimBytesCwnd: wide(28),
    SndLimTransSnd: 30,
    SndLimTimeSnd: 31,
    SndLimBytesSnd: wide(32),
  }
  const v2 = { ...v1, OutOfOrderPktsIn: 34, EcnNegotiated: true, EceAcksIn: 36, PtoEpisodes: 37 }

  test('has the members of its version, and no others', () => {
    expect(answered('SIO_TCP_INFO', words(88 / 4))).toEqual(v0)
    expect(answered('SIO_TCP_INFO', words(136 / 4))).toEqual(v1)
    expect(answered('SIO_TCP_INFO', words(152 / 4))).toEqual(v2)
  })

  test.for([
    [{ 2: 152 }, 152, [2]],
    [{ 2: errnoOf('EINVAL'), 1: 136 }, 136, [2, 1]],
    [{ 2: errnoOf('EOPNOTSUPP'), 1: errnoOf('EMSGSIZE'), 0: 88 }, 88, [2, 1, 0]],
    [
      { 2: errnoOf('EINVAL'), 1: errnoOf('EINVAL'), 0: errnoOf('EOPNOTSUPP') },
      errnoOf('EOPNOTSUPP'),
      [2, 1, 0],
    ],
    [{ 2: errnoOf('ENOTSOCK') }, errnoOf('ENOTSOCK'), [2]],
  ] as [Record<number, number>, number, number[]][])(
    'a system that says %o to its versions: %s after asking for %s',
    ([results, expected, versions]) => {
      const asked: number[] = []
      const attempt = (version: number): number => {
        asked.push(version)
        return results[version] ?? Number.NaN
      }
      expect(newestKnown(ioctlTable.SIO_TCP_INFO.versions, attempt)).toBe(expected)
      expect(asked).toEqual(versions)
    },
  )
})

describe('requests that are refused', () => {
  test.for(Object.entries(refusedRequests))('%s, on Windows only', ([name, { number }]) => {
    expect(refusalOf('win32', number)).toContain(name)
    expect(refusalOf('win32', number)).toMatch(/block the event loop|pointer/)
    expect(refusalOf('linux', number)).toBeUndefined()
    expect(Object.keys(ioctlTable)).not.toContain(name)
  })

  test('no others', () => {
    for (const [, { numbers }] of requests) {
      expect(refusalOf('win32', numbers.win32 ?? 0)).toBeUndefined()
    }
  })

  test('a request of Windows has the directions of its number', () => {
    // IOC_OUT; IOC_IN covers both directions in those of vendors.
    for (const [name, { numbers, input, value }] of requests) {
      const number = numbers.win32 ?? 0
      const takes = (number & 0x80000000) !== 0
      const onlyAnswers = (number & 0xc0000000) === 0x40000000
      expect(`${name} ${input !== undefined}`).toBe(
        `${name} ${takes && !/^SIO_(QUERY_WFP|TCP_INFO)/.test(name)}`,
      )
      if (onlyAnswers) expect(value, name).toBeDefined()
    }
  })
})
