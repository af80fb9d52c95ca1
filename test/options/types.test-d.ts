import { describe, expectTypeOf, test } from 'vitest'
import {
  type FilterInstruction,
  getKeepAlive,
  getLinger,
  getOption,
  getOptions,
  getsockopt,
  ioctl,
  type IoctlInput,
  type IoctlValue,
  isSupported,
  options,
  type OptionName,
  type ReadableOption,
  setKeepAlive,
  setOption,
  setOptions,
  setsockopt,
  type SocketTarget,
  type TimeValue,
  type WritableOption,
} from '../../lib/index.js'

declare const socket: SocketTarget

describe('what is read', () => {
  test('has the type of its option', () => {
    expectTypeOf(getOption(socket, 'TCP_NODELAY')).toEqualTypeOf<boolean>()
    expectTypeOf(getOption(socket, 'TCP_KEEPIDLE')).toEqualTypeOf<number>()
    expectTypeOf(getOption(socket, 'SO_LINGER')).toEqualTypeOf<number | null>()
    expectTypeOf(getOption(socket, 'SO_RCVTIMEO')).toEqualTypeOf<TimeValue>()
    expectTypeOf(getOption(socket, 'SO_COOKIE')).toEqualTypeOf<bigint>()
    expectTypeOf(getOption(socket, 'TCP_CONGESTION')).toEqualTypeOf<string>()
    expectTypeOf(getOption(socket, 'TCP_INFO')).toEqualTypeOf<Buffer>()
    expectTypeOf(getOption(socket, 'IP_MULTICAST_IF')).toEqualTypeOf<string>()
    expectTypeOf(getOption(socket, 'SO_PEERGROUPS')).toEqualTypeOf<number[]>()
    expectTypeOf(getOption(socket, 'SO_PEERCRED').pid).toEqualTypeOf<number>()
    expectTypeOf(getOption(socket, 'SO_ORIGINAL_DST')).toEqualTypeOf<{
      address: string
      port: number
    }>()
  })

  test('by several names, is an object with a member for each', () => {
    const kept = getOptions(socket, ['SO_LINGER', 'TCP_NODELAY', 'SO_MAX_PACING_RATE'])
    expectTypeOf(kept).toEqualTypeOf<{
      SO_LINGER: number | null
      TCP_NODELAY: boolean
      SO_MAX_PACING_RATE: bigint
    }>()
    expectTypeOf(kept).not.toHaveProperty('TCP_KEEPIDLE')
  })

  test('raw, is a Buffer; by the name of a request, its value', () => {
    expectTypeOf(getsockopt(socket, 6, 4, 4)).toEqualTypeOf<Buffer>()
    expectTypeOf(ioctl(socket, 'FIONREAD')).toEqualTypeOf<number>()
    expectTypeOf(ioctl(socket, 'SIOCATMARK')).toEqualTypeOf<boolean>()
    expectTypeOf(ioctl(socket, 0x541b, new Uint8Array(), 4)).toEqualTypeOf<Buffer>()
    // @ts-expect-error -- no such request
    ioctl(socket, 'FIONREED')
    // @ts-expect-error -- this request takes nothing
    ioctl(socket, 'FIONREAD', new Uint8Array())
  })

  test('by the name of a request of Windows, has its type; undefined where there is nothing', () => {
    ioctl(socket, 'SIO_FLUSH')
    expectTypeOf<IoctlValue<'SIO_FLUSH'>>().toEqualTypeOf<undefined>()
    expectTypeOf<IoctlValue<'SIO_UDP_CONNRESET'>>().toEqualTypeOf<undefined>()
    expectTypeOf(ioctl(socket, 'SIO_BASE_HANDLE')).toEqualTypeOf<number>()
    expectTypeOf(ioctl(socket, 'SIO_GET_TX_TIMESTAMP', 1)).toEqualTypeOf<bigint>()
    expectTypeOf(ioctl(socket, 'SIO_QUERY_WFP_CONNECTION_REDIRECT_RECORDS')).toEqualTypeOf<Buffer>()
    expectTypeOf(ioctl(socket, 'SIO_ADDRESS_LIST_QUERY')).items.toHaveProperty('address')
    const info = ioctl(socket, 'SIO_TCP_INFO')
    expectTypeOf(info.RttUs).toEqualTypeOf<number>()
    expectTypeOf(info.BytesOut).toEqualTypeOf<bigint>()
    expectTypeOf(info.TimestampsEnabled).toEqualTypeOf<boolean>()
    expectTypeOf(info.SndLimBytesCwnd).toEqualTypeOf<bigint | undefined>()
    expectTypeOf(info.EcnNegotiated).toEqualTypeOf<boolean | undefined>()
    const range = { StartPort: 0, NumberOfPorts: 8 }
    expectTypeOf(ioctl(socket, 'SIO_ACQUIRE_PORT_RESERVATION', range).Token).toEqualTypeOf<bigint>()
  })

  test('by the helpers, is what they take', () => {
    expectTypeOf(getLinger(socket)).toEqualTypeOf<number | null>()
    expectTypeOf(getKeepAlive(socket)).toEqualTypeOf<
      { idle: number; interval: number; count: number } | false
    >()
  })
})

describe('what is set', () => {
  test('must have the type of its option', () => {
    setOption(socket, 'TCP_KEEPIDLE', 60)
    setOption(socket, 'SO_LINGER', null)
    setOption(socket, 'SO_MAX_PACING_RATE', 1_000_000)
    setOption(socket, 'SO_MAX_PACING_RATE', 1_000_000n)
    setOption(socket, 'TCP_FASTOPEN_KEY', new Uint8Array(16))
    setOption(socket, 'SO_ATTACH_FILTER', [{ code: 6, jt: 0, jf: 0, k: 0 }])
    // @ts-expect-error -- seconds are a number
    setOption(socket, 'TCP_KEEPIDLE', true)
    // @ts-expect-error -- a switch is a boolean
    setOption(socket, 'TCP_NODELAY', 1)
    // @ts-expect-error -- only linger has an "off"
    setOption(socket, 'TCP_KEEPIDLE', null)
    // @ts-expect-error -- text is a string
    setOption(socket, 'TCP_CONGESTION', 5)
    // @ts-expect-error -- a value is needed
    setOption(socket, 'TCP_KEEPIDLE')
  })

  test('as a struct, must have its members', () => {
    setOption(socket, 'SO_RCVTIMEO', { seconds: 1, microseconds: 0 })
    setOption(socket, 'IP_ADD_MEMBERSHIP', { multiaddr: '239.0.0.1' })
    // @ts-expect-error -- a member is missing
    setOption(socket, 'SO_RCVTIMEO', { seconds: 1 })
    // @ts-expect-error -- a member is misspelt
    setOption(socket, 'SO_RCVTIMEO', { seconds: 1, microsecond: 0 })
    // @ts-expect-error -- an IPv4 interface is an address, not an index
    setOption(socket, 'IP_ADD_MEMBERSHIP', { multiaddr: '239.0.0.1', interface: 1 })
    // @ts-expect-error -- an IPv6 interface is an index, not an address
    setOption(socket, 'IPV6_JOIN_GROUP', { multiaddr: 'ff15::1', interface: '::1' })
    // @ts-expect-error -- an instruction has four members
    expectTypeOf<FilterInstruction>().toEqualTypeOf<{ code: number; k: number }>()
  })

  test('must have a name that there is', () => {
    // @ts-expect-error -- misspelt
    setOption(socket, 'TCP_KEEPIDEL', 60)
    // @ts-expect-error -- misspelt
    getOption(socket, 'tcp_keepidle')
    // @ts-expect-error -- misspelt
    isSupported('TCP_KEEPIDEL')
    // @ts-expect-error -- misspelt
    setOptions(socket, { TCP_KEEPIDEL: 60 })
    // @ts-expect-error -- a wrong value among right ones
    setOptions(socket, { TCP_KEEPIDLE: 60, TCP_NODELAY: 'yes' })
  })

  test('must be an option that can be set, and read that can be read', () => {
    // @ts-expect-error -- can only be read
    setOption(socket, 'SO_TYPE', 1)
    // @ts-expect-error -- can only be read
    setOptions(socket, { TCP_INFO: new Uint8Array() })
    // @ts-expect-error -- can only be set
    getOption(socket, 'SO_ATTACH_FILTER')
    // @ts-expect-error -- can only be set
    getOptions(socket, ['TCP_KEEPIDLE', 'IP_ADD_MEMBERSHIP'])
    expectTypeOf<'SO_TYPE'>().not.toExtend<WritableOption>()
    expectTypeOf<'SO_ATTACH_FILTER'>().not.toExtend<ReadableOption>()
    expectTypeOf<ReadableOption | WritableOption>().toEqualTypeOf<OptionName>()
  })

  test('for a request, must be what it takes', () => {
    const values = { onoff: 1, keepalivetime: 30_000, keepaliveinterval: 1000 }
    ioctl(socket, 'SIO_KEEPALIVE_VALS', values)
    ioctl(socket, 'SIO_ROUTING_INTERFACE_QUERY', { address: '192.0.2.1' })
    ioctl(socket, 'SIO_RELEASE_PORT_RESERVATION', 5n)
    expectTypeOf<IoctlInput<'SIO_KEEPALIVE_VALS'>>().toEqualTypeOf<typeof values>()
    expectTypeOf<IoctlInput<'FIONREAD'>>().toBeNever()
    // @ts-expect-error -- an input is needed
    ioctl(socket, 'SIO_KEEPALIVE_VALS')
    // @ts-expect-error -- a member is missing
    ioctl(socket, 'SIO_KEEPALIVE_VALS', { onoff: 1, keepalivetime: 30_000 })
    // @ts-expect-error -- a switch is a boolean
    ioctl(socket, 'SIO_UDP_CONNRESET', 0)
    // @ts-expect-error -- it takes one input
    ioctl(socket, 'SIO_UDP_CONNRESET', true, 4)
    // @ts-expect-error -- the version is tried for the caller
    ioctl(socket, 'SIO_TCP_INFO', 2)
    // @ts-expect-error -- answers with a pointer
    ioctl(socket, 'SIO_GET_EXTENSION_FUNCTION_POINTER')
  })

  test('raw, is a number or bytes', () => {
    setsockopt(socket, 6, 4, 60)
    setsockopt(socket, 6, 4, new Uint8Array(4))
    // @ts-expect-error -- text has no bytes
    setsockopt(socket, 6, 4, '60')
    // @ts-expect-error -- the number of the option is a number
    setsockopt(socket, 6, 'TCP_KEEPIDLE', 60)
  })

  test('by the helpers, is an object of milliseconds or "off"', () => {
    setKeepAlive(socket, { idle: 1000 })
    setKeepAlive(socket, false)
    // @ts-expect-error -- true says nothing
    setKeepAlive(socket, true)
    // @ts-expect-error -- misspelt
    setKeepAlive(socket, { idel: 1000 })
  })
})

describe('the table of options', () => {
  test('has every name, and none else', () => {
    expectTypeOf<keyof typeof options>().toEqualTypeOf<OptionName>()
    expectTypeOf(options.TCP_KEEPIDLE.unit).toEqualTypeOf<string>()
    expectTypeOf(options.TCP_KEEPIDLE.number).toEqualTypeOf<number | undefined>()
    expectTypeOf(options).not.toHaveProperty('TCP_KEEPIDEL')
  })

  test('cannot be written', () => {
    // @ts-expect-error -- read-only
    options.TCP_KEEPIDLE = options.TCP_KEEPCNT
    // @ts-expect-error -- read-only
    options.TCP_KEEPIDLE.number = 5
    // @ts-expect-error -- read-only
    delete options.TCP_KEEPIDLE
  })
})

describe('targets', () => {
  test('are sockets, servers, descriptors and what has one', () => {
    expectTypeOf<number>().toExtend<SocketTarget>()
    expectTypeOf<{ fd: number }>().toExtend<SocketTarget>()
    expectTypeOf<{ fd(): number }>().toExtend<SocketTarget>()
    // @ts-expect-error -- text is none
    getLinger('socket')
    // @ts-expect-error -- null is none
    getLinger(null)
    // @ts-expect-error -- neither is a file name
    getLinger({ path: '/tmp/socket' })
  })
})
