/**
 * What the system may answer at any time, and hardly ever does: strace makes it answer so to a child process.
 * The error comes out as documented, and nothing is left open.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { constants, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Program } from '../support/program.js'

/** Runs a line of JavaScript at a time, and tells what became of it. */
const source = `
  import { once } from 'node:events'
  import { readdirSync, readlinkSync, writeSync } from 'node:fs'
  import net from 'node:net'
  import { createInterface } from 'node:readline'
  import * as all from 'net-sockopt'
  import { native } from './dist/binding.js'
  const server = net.createServer().listen({ port: 0, host: '127.0.0.1' })
  await once(server, 'listening')
  const { port } = server.address()
  const unix = net.createServer().listen(process.argv.at(-1))
  await once(unix, 'listening')
  const quiet = (socket) => socket.on('error', () => {})
  async function pair() {
    const accepting = once(server, 'connection')
    const client = quiet(net.connect(port, '127.0.0.1'))
    await once(client, 'connect')
    const [accepted] = await accepting
    return { client, accepted: quiet(accepted) }
  }
  const { client, accepted } = await pair()
  const sockets = () => readdirSync('/proc/self/fd').filter((fd) => {
    try { return readlinkSync('/proc/self/fd/' + fd).startsWith('socket:') } catch { return false }
  }).length
  const scope = { ...all, native, net, once, server, unix, port, client, accepted, pair, quiet }
  // Whatever is loaded or asked once is, before anything fails.
  all.getAcceptQueue(unix); all.isSupported('TCP_NODELAY'); await (await all.TcpListener.listen({ port: 0 })).close()
  writeSync(1, process.pid + '\\n')
  createInterface(process.stdin).on('line', async (line) => {
    const before = sockets()
    const answer = {}
    try {
      const run = new Function(...Object.keys(scope), 'return (async () => { ' + line + ' })()')
      answer.value = await run(...Object.values(scope))
    } catch (error) {
      const { code, errno, syscall, option, applied, address, message } = error
      answer.error = { code, errno, syscall, option, applied, address, message }
    }
    answer.left = sockets() - before
    writeSync(1, JSON.stringify(answer) + '\\n')
  })
`

interface Answer {
  value?: unknown
  error?: Record<string, unknown>
  left: number
}

const canAttach =
  process.platform === 'linux' &&
  spawnSync('sh', [
    '-c',
    'sleep 3 & strace -qq -e inject=close:error=EIO -o /dev/null -p $! & s=$!; sleep 0.3; kill -0 $s && kill $s',
  ]).status === 0

let program: Program
let end: () => void
let pid = ''

/** The child answers while the named system calls fail: 'setsockopt:error=ENOBUFS:when=3'. */
async function failing(injections: string[], line: string): Promise<Answer> {
  const names = injections.map((each) => each.split(':')[0])
  const inject = injections.flatMap((each) => ['-e', `inject=${each}`])
  const trace = ['-f', '-e', `trace=${names.join(',')}`, ...inject, '-o', '/dev/null', '-p', pid]
  const strace = spawn('strace', trace, { stdio: ['ignore', 'ignore', 'pipe'] })
  try {
    await attached(strace)
    program.tell(line)
    return JSON.parse(await program.line()) as Answer
  } finally {
    const ended = once(strace, 'exit')
    strace.kill('SIGINT')
    await ended
  }
}

async function attached(strace: ChildProcess): Promise<void> {
  const [text] = (await once(strace.stderr ?? strace, 'data')) as [Buffer]
  expect(text.toString()).toContain('attached')
}

/** Resolves to what the same line does when nothing fails. */
async function plainly(line: string): Promise<Answer> {
  program.tell(line)
  return JSON.parse(await program.line()) as Answer
}

type ErrorName = keyof typeof constants.errno

/** Node's own shape. */
function systemError(code: ErrorName, syscall: string, more: object = {}) {
  return { code, errno: -constants.errno[code], syscall, ...more }
}

const threeOptions =
  'setOptions(accepted, { TCP_NODELAY: true, SO_KEEPALIVE: true, SO_RCVBUF: 9000 })'
const listens = (where: string) =>
  `const s = await listenWithBacklog(net.createServer(), ${where}); s.close()`
const accepts =
  'const l = await TcpListener.listen({ port: 0, host: "127.0.0.1" }); await l.close()'
const connects = (set: string) =>
  `const s = net.connect(port, '127.0.0.1'); ${set}; const [error] = await once(s, 'error'); await once(s, 'close'); throw error`

/** An answer of sock_diag(7) with these attributes, in strace's notation: nlmsghdr and unix_diag_msg stand before. */
function diagnosis(attributes: string): string {
  const body = `01010a00${'00'.repeat(12)}${attributes}`
  const bytes = 16 + body.length / 2
  const header = `${bytes.toString(16).padStart(2, '0')}0000001400${'00'.repeat(10)}`
  return header + body
}

/** struct nlattr: its length, its type, what it holds. Of the type that is asked for: UNIX_DIAG_RQLEN is 4. */
const lengths = '0c00040003000000ff010000'
const otherAttribute = '0800000061000000'

/** What fails, what is called meanwhile, and the error that must come of it. */
const cases: [string, string[], string, object][] = [
  [
    'setOption',
    ['setsockopt:error=ENOBUFS'],
    "setOption(accepted, 'SO_SNDBUF', 9000)",
    systemError('ENOBUFS', 'setsockopt', { option: 'SO_SNDBUF' }),
  ],
  [
    'setOptions, the third',
    ['setsockopt:error=ENOMEM:when=3'],
    threeOptions,
    systemError('ENOMEM', 'setsockopt', {
      option: 'SO_RCVBUF',
      applied: ['TCP_NODELAY', 'SO_KEEPALIVE'],
    }),
  ],
  [
    'setOptions, the first',
    ['setsockopt:error=EPERM:when=1'],
    threeOptions,
    systemError('EPERM', 'setsockopt', { option: 'TCP_NODELAY', applied: [] }),
  ],
  [
    'setsockopt',
    ['setsockopt:error=ENOBUFS'],
    'setsockopt(accepted, 6, 1, 1)',
    systemError('ENOBUFS', 'setsockopt', { option: 'level 6 option 1' }),
  ],
  [
    'getOption',
    ['getsockopt:error=ENOBUFS'],
    "getOption(accepted, 'SO_SNDBUF')",
    systemError('ENOBUFS', 'getsockopt', { option: 'SO_SNDBUF' }),
  ],
  [
    'getOptions, the second',
    ['getsockopt:error=EOPNOTSUPP:when=2'],
    "getOptions(accepted, ['TCP_NODELAY', 'SO_RCVBUF'])",
    systemError('EOPNOTSUPP', 'getsockopt', { option: 'SO_RCVBUF' }),
  ],
  [
    'getsockopt, of a long value',
    ['getsockopt:error=EFAULT'],
    'getsockopt(accepted, 1, 7, 40000)',
    systemError('EFAULT', 'getsockopt', { option: 'level 1 option 7' }),
  ],
  [
    'setLinger',
    ['setsockopt:error=ENOBUFS'],
    'setLinger(accepted, 0)',
    systemError('ENOBUFS', 'setsockopt', { option: 'SO_LINGER' }),
  ],
  [
    'setKeepAlive, the interval',
    ['setsockopt:error=ENOMEM:when=2'],
    'setKeepAlive(accepted, { idle: 9000, interval: 1000, count: 2 })',
    systemError('ENOMEM', 'setsockopt', { option: 'TCP_KEEPINTVL', applied: ['TCP_KEEPIDLE'] }),
  ],
  [
    'setUserTimeout',
    ['setsockopt:error=ENOMEM'],
    'setUserTimeout(accepted, 9000)',
    systemError('ENOMEM', 'setsockopt', { option: 'TCP_USER_TIMEOUT' }),
  ],
  [
    'ioctl',
    ['ioctl:error=ENOMEM'],
    "ioctl(accepted, 'FIONREAD')",
    systemError('ENOMEM', 'ioctl', { option: 'FIONREAD' }),
  ],
  [
    'ioctl, finding out whether it is a socket',
    ['getsockopt:error=ENOTSOCK'],
    "ioctl(accepted, 'FIONREAD')",
    systemError('ENOTSOCK', 'ioctl', { option: 'FIONREAD' }),
  ],
  [
    'getAcceptQueue, asking for the family',
    ['getsockopt:error=ENOBUFS'],
    'getAcceptQueue(server)',
    systemError('ENOBUFS', 'getAcceptQueue'),
  ],
  [
    'getAcceptQueue, asking TCP',
    ['getsockopt:error=ENOMEM:when=2'],
    'getAcceptQueue(server)',
    systemError('ENOMEM', 'getAcceptQueue'),
  ],
  [
    'getAcceptQueue of a Unix socket, without a descriptor',
    ['socket:error=EMFILE'],
    'getAcceptQueue(unix)',
    systemError('EMFILE', 'getAcceptQueue'),
  ],
  [
    'getAcceptQueue of a Unix socket, asking',
    ['sendto:error=ENOBUFS'],
    'getAcceptQueue(unix)',
    systemError('ENOBUFS', 'getAcceptQueue'),
  ],
  [
    'getAcceptQueue of a Unix socket, reading the answer',
    ['recvfrom:error=ENOBUFS'],
    'getAcceptQueue(unix)',
    systemError('ENOBUFS', 'getAcceptQueue'),
  ],
  [
    'getAcceptQueue of a Unix socket, an empty answer',
    ['recvfrom:retval=0'],
    'getAcceptQueue(unix)',
    systemError('EPROTO', 'getAcceptQueue'),
  ],
  [
    'getAcceptQueue of a Unix socket, an answer without the lengths',
    [`recvfrom:poke_exit=@arg2=${diagnosis(otherAttribute)}`],
    'getAcceptQueue(unix)',
    systemError('EPROTO', 'getAcceptQueue'),
  ],
  [
    'getAcceptQueue of a Unix socket, a damaged answer',
    [`recvfrom:poke_exit=@arg2=${diagnosis('02000000')}`],
    'getAcceptQueue(unix)',
    systemError('EPROTO', 'getAcceptQueue'),
  ],
  [
    'getAcceptQueue of a Unix socket, without /proc',
    ['readlink:error=ENOENT'],
    'getAcceptQueue(unix)',
    systemError('EINVAL', 'getAcceptQueue'),
  ],
  [
    'setBacklog',
    ['listen:error=ENOBUFS'],
    'setBacklog(server, 5)',
    systemError('ENOBUFS', 'listen'),
  ],
  [
    'listenWithBacklog, socket()',
    ['socket:error=EMFILE'],
    listens("{ port: 0, host: '127.0.0.1' }"),
    systemError('EMFILE', 'listen', { address: '127.0.0.1' }),
  ],
  [
    'listenWithBacklog, FIOCLEX',
    ['ioctl:error=ENOMEM'],
    listens("{ port: 0, host: '127.0.0.1' }"),
    systemError('ENOMEM', 'listen', { address: '127.0.0.1' }),
  ],
  [
    'listenWithBacklog, an option',
    ['setsockopt:error=ENOBUFS:when=2'],
    listens("{ port: 0, host: '127.0.0.1', socketOptions: { SO_RCVBUF: 9000 } }"),
    systemError('ENOBUFS', 'setsockopt', { option: 'SO_RCVBUF' }),
  ],
  [
    'listenWithBacklog, bind()',
    ['bind:error=EADDRINUSE'],
    listens("{ port: 0, host: '127.0.0.1' }"),
    systemError('EADDRINUSE', 'listen', { address: '127.0.0.1' }),
  ],
  [
    'listenWithBacklog, listen()',
    ['listen:error=EADDRINUSE'],
    listens("{ port: 0, host: '127.0.0.1' }"),
    systemError('EADDRINUSE', 'listen', { address: '127.0.0.1' }),
  ],
  [
    'TcpListener.listen, listen()',
    ['listen:error=ENOBUFS'],
    accepts,
    systemError('ENOBUFS', 'listen', { address: '127.0.0.1' }),
  ],
  [
    'TcpListener.listen, dup()',
    ['dup:error=EMFILE'],
    accepts,
    systemError('EMFILE', 'listen', { address: '127.0.0.1' }),
  ],
  [
    'TcpListener.listen at a path, dup()',
    ['dup:error=EMFILE'],
    "await TcpListener.listen({ path: '/tmp/net-sockopt-faults-' + process.pid })",
    systemError('EMFILE', 'listen', { address: expect.stringContaining('/tmp/') }),
  ],
  [
    'TcpListener.listen, FIOCLEX of the second descriptor',
    ['ioctl:error=ENOMEM:when=3'],
    accepts,
    systemError('ENOMEM', 'listen'),
  ],
  [
    'TcpListener.listen, epoll_ctl()',
    ['epoll_ctl:error=ENOSPC:when=1'],
    accepts,
    systemError('ENOSPC', 'listen'),
  ],
  [
    'closeLingering, dup()',
    ['dup:error=EMFILE'],
    'await closeLingering(accepted, 100)',
    systemError('EMFILE', 'dup'),
  ],
  [
    'closeWithoutTimeWait, FIOCLEX of the second descriptor',
    ['ioctl:error=ENOMEM'],
    'await closeWithoutTimeWait(accepted)',
    systemError('ENOMEM', 'dup'),
  ],
  [
    'resetConnection',
    ['setsockopt:error=ENOBUFS'],
    'resetConnection(accepted)',
    systemError('ENOBUFS', 'setsockopt', { option: 'SO_LINGER' }),
  ],
  [
    'disconnect',
    ['connect:error=ENOMEM'],
    'disconnect(accepted)',
    systemError('ENOMEM', 'disconnect'),
  ],
  [
    'a socket that connects with options, socket(), which Node finds too',
    ['socket:error=EMFILE'],
    connects("setOption(s, 'TCP_SYNCNT', 2)"),
    systemError('EMFILE', 'connect'),
  ],
  [
    'a socket that connects with options, socket()',
    ['socket:error=EMFILE:when=1'],
    connects("setOption(s, 'TCP_SYNCNT', 2)"),
    systemError('EMFILE', 'socket'),
  ],
  [
    'a socket that connects with options, setsockopt()',
    ['setsockopt:error=ENOBUFS'],
    connects("setOption(s, 'TCP_SYNCNT', 2)"),
    systemError('ENOBUFS', 'setsockopt', { option: 'TCP_SYNCNT' }),
  ],
  [
    'isSupported, without a descriptor',
    ['socket:error=EMFILE'],
    "isSupported('TCP_CORK')",
    systemError('EMFILE', 'socket'),
  ],
]

describe.skipIf(!canAttach)('system calls that fail (skipped where strace may not attach)', () => {
  beforeAll(async () => {
    const path = join(tmpdir(), `net-sockopt-faults-${process.pid}`)
    program = new Program(source, { arguments: [path], atEnd: (given) => (end = given) })
    pid = await program.line()
  })
  afterAll(() => end())

  // First, while the system has not been asked for it yet.
  test('the user timeout of an open socket needs no further descriptor', async () => {
    const line = 'setUserTimeout(accepted, 7000); return getUserTimeout(accepted)'
    expect(await failing(['socket:error=EMFILE'], line)).toEqual({ value: 7000, left: 0 })
  })

  test.for(cases)('%s', async ([, injections, line, expected]) => {
    const { error, left, value } = await failing(injections, line)
    expect(value).toBe(undefined)
    expect(error).toMatchObject(expected)
    expect(left).toBe(0)
  })

  test('lengths that do not come first in the answer are found', async () => {
    const answer = `recvfrom:poke_exit=@arg2=${diagnosis(otherAttribute + lengths)}`
    const { value } = await failing([answer], 'return getAcceptQueue(unix)')
    expect(value).toEqual({ length: 3, limit: 511 })
  })

  test('afterwards all of it works, on the same sockets', async () => {
    const all = [
      threeOptions,
      "getOption(accepted, 'SO_SNDBUF'); ioctl(accepted, 'FIONREAD'); getAcceptQueue(server)",
      'getAcceptQueue(unix); setBacklog(server, 511)',
      listens("{ port: 0, host: '127.0.0.1' }"),
      accepts,
    ]
    for (const line of all) expect(await plainly(line)).toEqual({ left: 0 })
    expect((await plainly("return isSupported('TCP_CORK')")).value).toBe(true)
  })
})
