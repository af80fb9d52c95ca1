// Calls every exported function with random wrong values. JavaScript, so that a process of its own can run it.
import net from 'node:net'
import { readdirSync } from 'node:fs'
import { inspect, isDeepStrictEqual } from 'node:util'

/** Random numbers between 0 and 1, the same for the same seed (mulberry32). */
export function randomFrom(seed) {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}

/** What a getter or proxy of the pool throws: the caller's own error may come out. */
class OwnError extends Error {}

const throwing = () => {
  throw new OwnError('from the caller')
}

const everyTrap = Object.fromEntries(
  Reflect.ownKeys(Reflect)
    .filter((key) => typeof key === 'string')
    .map((trap) => [trap, throwing]),
)

function detached() {
  const bytes = new Uint8Array(8)
  structuredClone(bytes.buffer, { transfer: [bytes.buffer] })
  return bytes
}

function revoked() {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}

function cyclic() {
  const value = { fd: undefined, idle: undefined }
  value.fd = value
  value.idle = value
  return value
}

const numbers = [
  ...[NaN, Infinity, -Infinity, -0, 0, 1, -1, 7, 77, 0.5, 1.5, -1.5, 1e-300, 1e300],
  ...[255, 256, 32767, 32768, 65535, 65536, 2 ** 24, 2 ** 31 - 1, 2 ** 31, -(2 ** 31)],
  ...[
    -(2 ** 31) - 1,
    2 ** 32 - 1,
    2 ** 32,
    2 ** 53,
    -(2 ** 53),
    Number.MAX_VALUE,
    Number.MIN_VALUE,
  ],
]

/** Wrong in one place or another; made anew each time, since some can be used up. */
const values = [
  ...numbers.map((number) => () => number),
  ...[undefined, null, true, false, 0n, -1n, 2n ** 64n, '', ' ', '0', '7', 'TCP_KEEPIDLE'].map(
    (value) => () => value,
  ),
  () => '\0',
  () => 'x'.repeat(100_000),
  () => '\ud800',
  () => 'lo\0',
  () => '__proto__',
  () => 'constructor',
  () => Symbol('symbol'),
  () => Symbol.iterator,
  () => () => undefined,
  () => class {},
  () => async () => undefined,
  () => [],
  () => [undefined],
  () => [[[]]],
  () => new Array(3),
  () => [{ code: -1, jt: 0, jf: 0, k: 0 }],
  () => [{ code: 6, jt: 256, jf: 0, k: 0 }],
  () => [{ code: 6 }],
  () => new Array(5000).fill({ code: 6, jt: 0, jf: 0, k: 0 }),
  () => ({}),
  () => Object.create(null),
  () => Object.freeze({ fd: -1 }),
  () => cyclic(),
  () => ({ fd: 'x' }),
  () => ({ fd: () => undefined }),
  () => ({ fd: () => -5 }),
  () => ({ seconds: -1, microseconds: 0 }),
  () => ({ seconds: 0, microseconds: 1_000_000 }),
  () => ({ seconds: '1', microseconds: 0 }),
  () => ({ multiaddr: 'x' }),
  () => ({ multiaddr: '1.2.3.4', interface: '1.2.3' }),
  () => ({ lo: 1, hi: 65536 }),
  () => ({ idle: 1.5 }),
  () => ({ idle: 1500 }),
  () => ({ idle: -1000, interval: 0n }),
  () => ({ idel: 1000 }),
  () => ({ address: '1.2.3.4', port: 0, key: 'text' }),
  () => ({ address: '1.2.3.4', port: 0, key: new Uint8Array(81) }),
  () => ({ address: '::1', port: 65536, key: new Uint8Array(8) }),
  () => ({ valueOf: () => 7, toString: () => 'TCP_KEEPIDLE' }),
  () => ({ [Symbol.toPrimitive]: () => 7 }),
  () => Object(7),
  () => Object('TCP_KEEPIDLE'),
  () => Object(true),
  () => new Date(NaN),
  () => new Map([['fd', 1]]),
  () => /x/,
  () => new Error('an error as a value'),
  () => Promise.resolve(7),
  () => new Int8Array(4),
  () => new Uint8ClampedArray(4),
  () => new Int32Array(4),
  () => new Float64Array(4),
  () => new BigUint64Array(4),
  () => new DataView(new ArrayBuffer(8)),
  () => new ArrayBuffer(8),
  () => new SharedArrayBuffer(8),
  () => new Uint8Array(0),
  () => new Uint8Array(new SharedArrayBuffer(8)),
  () => new Uint8Array(70_000),
  () => Buffer.alloc(33),
  () => detached(),
  () => new AbortController().signal,
  // Whose getters throw.
  () => new Proxy({}, everyTrap),
  () => new Proxy([], { get: throwing }),
  () => new Proxy(new Uint8Array(4), { get: throwing }),
  () => revoked(),
  () => Object.defineProperty({}, 'fd', { get: throwing, enumerable: true }),
  () => Object.defineProperty({}, 'idle', { get: throwing, enumerable: true }),
  () => Object.defineProperty({}, 'seconds', { get: throwing, enumerable: true }),
]

const isDescriptorLike = (value) => Number.isInteger(value) && value >= 0 && value < 2 ** 31

const codes = ['ERR_INVALID_ARG_TYPE', 'ERR_INVALID_ARG_VALUE', 'ERR_OUT_OF_RANGE']

/** Is this an error that the documentation knows? */
export function isDocumented(error) {
  if (error instanceof OwnError) return true
  if (!(error instanceof Error)) return false
  const { code, errno, syscall, message } = error
  if (codes.includes(code)) return error instanceof TypeError || error instanceof RangeError
  if (/^ERR_SOCKET_(NOT_OPEN|CLOSED|SHARED)$/.test(code)) return true
  if (code === 'ERR_SERVER_ALREADY_LISTEN' || code === 'ABORT_ERR') return true
  // The engine's own word on what cannot be looked at.
  if (error instanceof TypeError && /revoked|'\w+' on proxy|detached/.test(message)) return true
  return /^E[A-Z0-9]+$/.test(code) && errno < 0 && typeof syscall === 'string' && message !== ''
}

/** Windows does not tell: there nothing is counted. */
function descriptorCount() {
  return process.platform === 'linux' ? readdirSync('/proc/self/fd').length : 0
}

/** What reads differently by itself. */
const moving = [
  'TCP_INFO',
  'TCP_CC_INFO',
  'TCP_TIMESTAMP',
  'SO_MEMINFO',
  'SO_INCOMING_CPU',
  'SO_ERROR',
  'SO_CONNECT_TIME',
  // Has addresses of the call in it.
  'SO_BSP_STATE',
]

/** Every option that can be read, with its value. */
export function snapshot(api, socket) {
  const entries = Object.values(api.options)
    .filter(
      ({ number, access, name }) =>
        number !== undefined && access !== 'set' && !moving.includes(name),
    )
    .map(({ name }) => {
      try {
        return [name, api.getOption(socket, name)]
      } catch (error) {
        return [name, error.code]
      }
    })
  return Object.fromEntries(entries)
}

/** A value that the option does not take for sure, by its unit. */
function isSurelyWrong(unit, value) {
  if (typeof value === 'object' && value !== null) {
    // Objects are wrong where a simple value is wanted; whether a struct's are is another matter.
    return !/^\{|^array|^bytes of/.test(unit)
  }
  if (unit === 'boolean') return typeof value !== 'boolean'
  if (/text|address/.test(unit)) return typeof value !== 'string'
  if (/^\{|^array|^bytes of/.test(unit)) return true
  if (/null/.test(unit)) return value !== null && typeof value !== 'number'
  if (/per second|cookie/.test(unit)) return typeof value !== 'number' && typeof value !== 'bigint'
  return typeof value !== 'number' || !Number.isInteger(value) || Math.abs(value) > 2 ** 32
}

/**
 * Makes the calls; returns what went wrong and how often each function was called.
 *
 * @param {{ api: any, native: any, seed: number, calls: number }} options
 */
export async function attack({ api, native, seed, calls }) {
  const random = randomFrom(seed)
  const pick = (list) => list[Math.floor(random() * list.length)]
  const wrong = () => pick(values)()
  const wrongTarget = () => {
    for (;;) {
      const value = wrong()
      // A small number is somebody's descriptor.
      if (!isDescriptorLike(value)) return value
    }
  }
  const writable = Object.values(api.options).filter(({ access }) => access !== 'get')
  const requests = Object.keys(api.ioctls)

  const server = net.createServer()
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  const accepting = new Promise((resolve) => server.once('connection', resolve))
  const client = net.connect(server.address().port, '127.0.0.1')
  const accepted = await accepting
  await new Promise((resolve) => (client.connecting ? client.once('connect', resolve) : resolve()))
  const witnesses = [server, client, accepted]
  const closed = net.connect(server.address().port, '127.0.0.1').on('error', () => undefined)
  await new Promise((resolve) => closed.once('connect', resolve))
  closed.destroy()
  const connections = () =>
    new Promise((resolve) => server.getConnections((_, count) => resolve(count)))
  while ((await connections()) > 1) await new Promise((resolve) => setTimeout(resolve, 5))

  /** Sockets of which nothing is expected afterwards: never connected, so that closing never waits. */
  const throwaway = [native.open(2, 1, 0), native.open(2, 2, 0), native.open(1, 1, 0)]
  const unopened = () => new net.Socket()
  const anyTarget = () => {
    const which = random()
    if (which < 0.3) return wrongTarget()
    if (which < 0.4) return pick([closed, 1_000_000, 2 ** 31 - 1, unopened(), net.createServer()])
    return pick(throwaway)
  }
  const before = {
    witnesses: witnesses.map((socket) => snapshot(api, socket)),
    descriptors: descriptorCount(),
  }

  const anyName = () => (random() < 0.7 ? pick(writable).name : wrong())
  /** Text for these makes the kernel look for a module, and wait. */
  const anyValueFor = (name) => {
    const value = wrong()
    const loads = name === 'TCP_CONGESTION' || name === 'TCP_ULP'
    return loads && typeof value === 'string' ? undefined : value
  }
  const pairs = [
    [1, 9],
    [1, 13],
    [6, 1],
    [6, 4],
    [9999, 1],
    [1, 99_999],
    [6, -1],
  ]
  /** Level and number: harmless ones, ones that there are not, or no numbers. */
  const anyPair = () => {
    if (random() < 0.7) return pick(pairs)
    const notANumber = () => {
      const value = wrong()
      return isDescriptorLike(value) || Number.isInteger(value) ? 9999 : value
    }
    return [notANumber(), notANumber()]
  }
  /** Gigabytes are no wrong value, only slow. */
  const anyLength = () => {
    const value = wrong()
    return isDescriptorLike(value) && value > 2 ** 20 ? 4 : value
  }
  const anyOptions = () => {
    if (random() < 0.3) return wrong()
    const names = [
      'port',
      'backlog',
      'ipv6Only',
      'reusePort',
      'exclusive',
      'signal',
      'linger',
      'keepAlive',
    ]
    const options = random() < 0.8 ? { host: '127.0.0.1', port: 0 } : {}
    for (let i = 0; i < 2; i++)
      options[pick([...names, 'userTimeout', 'socketOptions', 'writableAll'])] = wrong()
    // No name is looked up, and no file made.
    if (random() < 0.1) options.host = pick([5, null, {}, Symbol('host'), '::g1%nowhere'])
    if (random() < 0.1) options.path = pick([5, null, '', 'x'.repeat(200), '/no/such/place'])
    return options
  }
  /** What the witnesses are asked for; each of these must be refused. */
  const refusedBy = {
    setOption: () => {
      const { name, unit } = pick(writable)
      const value = wrong()
      return isSurelyWrong(unit, value)
        ? [pick(witnesses), name, value]
        : [pick(witnesses), 'TCP_NIX', value]
    },
    setOptions: () => [
      pick(witnesses),
      { TCP_KEEPIDLE: 77, TCP_NODELAY: true, [pick(['TCP_NIX', 'SO_TYPE'])]: wrong() },
    ],
    setLinger: () => [pick(witnesses), pick([NaN, 1500, -1000, 'x', {}, 5n, undefined, true])],
    setKeepAlive: () => [
      pick(witnesses),
      pick([true, 5, 'x', null, { idle: 1500 }, { count: 1.5 }, { idel: 1 }]),
    ],
    setUserTimeout: () => [pick(witnesses), pick([NaN, -1, 2 ** 32, 'x', null, false, {}, 1.5])],
    setBacklog: () => [pick(witnesses), pick([NaN, -1, 2 ** 31, 'x', null, false, {}, 1.5])],
    setsockopt: () => [
      pick(witnesses),
      6,
      4,
      pick([NaN, 2 ** 32, 'x', null, false, {}, 5n, new Int8Array(4)]),
    ],
  }

  const callers = {
    setOption: () => {
      const name = anyName()
      return [anyTarget(), name, anyValueFor(name)]
    },
    getOption: () => [anyTarget(), anyName()],
    setOptions: () => {
      const name = anyName()
      const key = typeof name === 'string' || typeof name === 'symbol' ? name : 'SO_MARK'
      return [
        anyTarget(),
        random() < 0.3 ? wrong() : { [key]: anyValueFor(key), TCP_KEEPIDLE: wrong() },
      ]
    },
    getOptions: () => [anyTarget(), random() < 0.3 ? wrong() : [anyName(), anyName()]],
    getsockopt: () => [anyTarget(), ...anyPair(), anyLength()],
    setsockopt: () => [anyTarget(), ...anyPair(), wrong()],
    // Names and numbers: FIONREAD, or what is no request; as root, others change the system.
    ioctl: () => [
      anyTarget(),
      pick([...requests, 0x541b, 0xdead, wrongTarget()]),
      wrong(),
      wrong(),
    ],
    isSupported: () => [random() < 0.2 ? pick(writable).name : wrong()],
    setLinger: () => [anyTarget(), wrong()],
    getLinger: () => [anyTarget()],
    setKeepAlive: () => [anyTarget(), wrong()],
    getKeepAlive: () => [anyTarget()],
    setUserTimeout: () => [anyTarget(), wrong()],
    getUserTimeout: () => [anyTarget()],
    setBacklog: () => [anyTarget(), wrong()],
    getAcceptQueue: () => [anyTarget()],
    listenWithBacklog: () => [random() < 0.2 ? wrong() : net.createServer(), anyOptions()],
    'TcpListener.listen': () => [anyOptions()],
  }
  // What ends a connection gets none that lives.
  const ended = () => [
    random() < 0.6 ? wrongTarget() : pick([closed, unopened(), 1_000_000]),
    wrong(),
  ]
  for (const name of ['closeLingering', 'closeWithoutTimeWait', 'disconnect', 'resetConnection']) {
    callers[name] = ended
  }
  /** Whatever else is exported: no socket of anybody's is handed over. */
  const generic = () => [wrongTarget(), wrong(), wrong()]

  /** One example of each. */
  const problems = new Map()
  /** @type {Record<string, number>} */
  const counts = {}

  async function call(name, make, mustFail) {
    counts[name] = (counts[name] ?? 0) + 1
    const args = make()
    const shown = () =>
      `${name}(${args.map((arg) => safely(() => inspect(arg, { depth: 1, maxStringLength: 40 }))).join(', ')})`
    try {
      const [owner, method] = name.split('.')
      let result = method === undefined ? api[owner](...args) : api[owner][method](...args)
      if (typeof result?.then === 'function') result = await result
      if (result instanceof net.Server) await new Promise((resolve) => result.close(resolve))
      else if (typeof result?.close === 'function') await result.close()
      if (mustFail) problems.set(`${name} succeeded`, shown())
    } catch (error) {
      const how = safely(() => `${error?.name} ${error?.code} ${error?.message}`)
      const where = safely(() => error.stack?.split('\n')[1])
      if (!isDocumented(error)) problems.set(`${name}: ${how} ${where}`, shown())
    }
  }

  for (const name of functionNames(api)) {
    const listens = /listen/i.test(name) && name !== 'setBacklog'
    for (let i = 0; i < (listens ? calls / 4 : calls); i++) {
      const sure = refusedBy[name]
      if (sure !== undefined && i % 4 === 0) await call(name, sure, true)
      else await call(name, callers[name] ?? generic, false)
    }
  }

  // Whatever a function left to do for later must have been done.
  await new Promise((resolve) => setTimeout(resolve, 20))
  const after = {
    witnesses: witnesses.map((socket) => snapshot(api, socket)),
    descriptors: descriptorCount(),
  }
  for (const socket of throwaway) native.close(socket)
  for (const socket of [client, accepted]) socket.destroy()
  await new Promise((resolve) => server.close(resolve))
  const changed = before.witnesses.flatMap((kept, i) =>
    Object.keys(kept).filter((name) => !isDeepStrictEqual(kept[name], after.witnesses[i][name])),
  )
  return {
    counts,
    problems: [...problems].map(([what, example]) => `${what}: ${example}`),
    changed,
    withoutCaller: functionNames(api).filter((name) => callers[name] === undefined),
    leaked: after.descriptors - before.descriptors,
  }
}

function safely(read) {
  try {
    return read()
  } catch {
    return '(not to be shown)'
  }
}

/** The exported functions, and for a class its static ones. */
export function functionNames(api) {
  return Object.entries(api).flatMap(([name, value]) => {
    if (typeof value !== 'function') return []
    if (!/^class\b/.test(Function.prototype.toString.call(value))) return [name]
    return Object.getOwnPropertyNames(value)
      .filter((key) => typeof value[key] === 'function')
      .map((key) => `${name}.${key}`)
  })
}
