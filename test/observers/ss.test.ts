import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import net from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { sockaddrBytes } from '../../lib/address.js'
import { native } from '../../lib/binding.js'
import {
  getAcceptQueue,
  getOption,
  listenWithBacklog,
  setBacklog,
  setKeepAlive,
  setOption,
} from '../../lib/index.js'
import { platform } from '../../lib/platform.js'
import { commandExists } from '../support/commands.js'
import { temporaryPath } from '../support/files.js'
import { openSocket } from '../support/kinds.js'
import { QueueClients } from '../support/queue-clients.js'
import { closeAtEnd, connected, listening, portOf, tcpPair } from '../support/sockets.js'
import { until } from '../support/until.js'

function ss(...args: string[]): string {
  return execFileSync('ss', args, { encoding: 'utf8' })
}

/** The line of ss for the connection that has this local port. */
function lineOf(port: number | undefined): string {
  return ss('-tnoiemOH', 'sport', '=', `:${port}`)
}

/** Recv-Q and Send-Q of a listener: what waits, and the backlog. */
function queuesOf(line: string, at: number): { length: number; limit: number } {
  const fields = line.trim().split(/\s+/).map(Number)
  return { length: fields[at] ?? NaN, limit: fields[at + 1] ?? NaN }
}

const canRun = platform === 'linux' && commandExists('ss')

describe.runIf(canRun)('what ss shows (needs ss of iproute2)', () => {
  test('the keep-alive timer runs for TCP_KEEPIDLE', async () => {
    const { client } = await tcpPair()
    expect(lineOf(client.localPort)).not.toContain('timer:(keepalive')
    setOption(client, 'TCP_KEEPIDLE', 77)
    setOption(client, 'SO_KEEPALIVE', true)
    expect(lineOf(client.localPort)).toMatch(/timer:\(keepalive,1min1\d(\.\d+)?sec,0\)/)
    setOption(client, 'SO_KEEPALIVE', false)
    expect(lineOf(client.localPort)).not.toContain('timer:(keepalive')
  })

  test('the timer of an accepted socket runs as its listener was told', async () => {
    const server = await listening(net.createServer())
    setKeepAlive(server, { idle: 77_000, interval: 5000, count: 3 })
    const accepting = once(server, 'connection')
    const client = await connected({ port: portOf(server), host: '127.0.0.1' })
    await accepting
    const filter = ['dport', '=', `:${client.localPort}`]
    expect(ss('-tnoH', ...filter)).toMatch(/timer:\(keepalive,1min1\d(\.\d+)?sec,0\)/)
  })

  test('the mark, the buffers and the lowest unsent amount', async () => {
    const { client } = await tcpPair()
    setOption(client, 'SO_RCVBUF', 70_000)
    setOption(client, 'SO_SNDBUF', 80_000)
    const line = lineOf(client.localPort)
    expect(line).toMatch(/skmem:\(r\d+,rb140000,t\d+,tb160000,/)
  })

  test.runIf(process.getuid?.() === 0)('SO_MARK (needs root)', async () => {
    const { client } = await tcpPair()
    setOption(client, 'SO_MARK', 0xabc)
    expect(lineOf(client.localPort)).toContain('fwmark:0xabc')
  })

  test('TCP_CONGESTION and TCP_MAXSEG', async () => {
    const { client } = await tcpPair()
    setOption(client, 'TCP_CONGESTION', 'reno')
    expect(lineOf(client.localPort)).toMatch(/ reno /)
    expect(lineOf(client.localPort)).toContain(` mss:${getOption(client, 'TCP_MAXSEG')} `)
  })

  test('SO_COOKIE is its sk', async () => {
    const { client } = await tcpPair()
    const cookie = getOption(client, 'SO_COOKIE').toString(16)
    expect(lineOf(client.localPort)).toMatch(new RegExp(`\\bsk:${cookie}\\b`))
  })
})

describe.runIf(canRun)('Recv-Q and Send-Q of a stalled listener (needs ss of iproute2)', () => {
  const tcpQueues = (port: number) => queuesOf(ss('-ltnH', 'sport', '=', `:${port}`), 1)

  test('TCP: what getAcceptQueue says, while three clients wait', async () => {
    const server = net.createServer()
    closeAtEnd(server)
    await listenWithBacklog(server, { port: 0, host: '127.0.0.1', backlog: 7 })
    const port = portOf(server)
    expect(tcpQueues(port)).toEqual({ length: 0, limit: 7 })
    // The loop does not turn: execFileSync() and the wait both block it.
    using clients = new QueueClients(port, 3)
    clients.waitWhileBlocking(() => getAcceptQueue(server).length === 3)
    expect(tcpQueues(port)).toEqual({ length: 3, limit: 7 })
    expect(getAcceptQueue(server)).toEqual({ length: 3, limit: 7 })
    setBacklog(server, 9)
    expect(tcpQueues(port)).toEqual({ length: 3, limit: 9 })
  })

  test('TCP: a descriptor that nobody accepts from', async () => {
    const fd = openSocket(4, 'stream')
    const place = { family: 4 as const, address: '127.0.0.1', port: 0 }
    expect(native.bind(fd, sockaddrBytes(place, platform))).toBe(0)
    expect(native.listen(fd, 2)).toBe(0)
    const cookie = getOption(fd, 'SO_COOKIE').toString(16)
    const line = ss('-ltnHeO')
      .split('\n')
      .find((candidate) => candidate.includes(`sk:${cookie} `))
    const port = Number(/127\.0\.0\.1:(\d+)/.exec(line ?? '')?.[1])
    await connected({ port, host: '127.0.0.1' })
    await connected({ port, host: '127.0.0.1' })
    await until(() => getAcceptQueue(fd).length === 2)
    expect(tcpQueues(port)).toEqual({ length: 2, limit: 2 })
  })

  test('Unix: what getAcceptQueue says, while three clients wait', async () => {
    const path = temporaryPath('unix.sock')
    const server = net.createServer()
    closeAtEnd(server)
    await listenWithBacklog(server, { path, backlog: 7 })
    const unixQueues = () => queuesOf(ss('-lxH', 'src', path), 2)
    expect(unixQueues()).toEqual({ length: 0, limit: 7 })
    // connect() on a Unix socket is over at once; only accepting needs the loop.
    const clients = Array.from({ length: 3 }, () => net.connect(path))
    onTestFinished(() => clients.forEach((client) => client.destroy()))
    expect(getAcceptQueue(server)).toEqual({ length: 3, limit: 7 })
    expect(unixQueues()).toEqual({ length: 3, limit: 7 })
    setBacklog(server, 9)
    expect(unixQueues()).toEqual({ length: 3, limit: 9 })
  })
})
