import { once } from 'node:events'
import http2 from 'node:http2'
import net from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { closeLingering, setLinger } from '../../lib/index.js'
import { certificate } from '../support/certificate.js'
import { endsOf, isTimeWaitFull, mebibyte, statesOf, timeWaitOf } from '../support/closing.js'
import { openedSince, openSockets } from '../support/descriptors.js'
import { rejectionOf } from '../support/errors.js'
import { localPath } from '../support/files.js'
import { hasPython, usePeers } from '../support/peer.js'
import { runProgram } from '../support/program.js'
import { connected, destroyAtEnd, listening, portOf } from '../support/sockets.js'
import { isWindows } from '../support/system.js'
import { tlsEnds } from '../support/tls.js'
import { isRoot } from '../support/untyped.js'
import { until } from '../support/until.js'

let pem: { key: string; cert: string }
beforeAll(async () => {
  pem = await certificate()
})

const fullReason = 'the kernel keeps no more in TIME_WAIT'

const all = { acknowledged: true, unacknowledged: 0 }

describe.skipIf(!hasPython)('closeLingering (skipped where python3 is missing)', () => {
  const connect = usePeers()

  test.for([0, 10, mebibyte, 32 * mebibyte])(
    '%i bytes arrive, then the end',
    async (size, { skip }) => {
      skip(isTimeWaitFull(), fullReason)
      const before = openSockets()
      const ends = await endsOf(connect)
      if (size > 0) ends.ours.write(Buffer.alloc(size))
      const closed = once(ends.ours, 'close')
      const closing = closeLingering(ends.ours, 15_000)
      expect(await ends.peer.read()).toMatchObject({ size, then: 'end' })
      expect(await closing).toEqual(all)
      expect(await closed).toEqual([false])
      expect(ends.errors).toEqual([])
      await ends.peer.close()
      expect(await timeWaitOf(portOf(ends.server), ends.peer.port)).toBe('ours')
      ends.server.close()
      await until(() => openedSince(before).length === 0)
    },
  )

  test('does not wait for the peer’s own end', async ({ skip }) => {
    skip(isTimeWaitFull(), fullReason)
    const ends = await endsOf(connect)
    ends.ours.write('bye')
    expect(await closeLingering(ends.ours, 15_000)).toEqual(all)
    expect(ends.ours.closed).toBe(true)
    expect(statesOf(ends)).toEqual(['FIN_WAIT2', 'CLOSE_WAIT'])
  })

  test.for([true, false])(
    'the peer ended first, allowHalfOpen %s',
    async (allowHalfOpen, { skip }) => {
      skip(isTimeWaitFull(), fullReason)
      const ends = await endsOf(connect, { allowHalfOpen })
      // Too much for the kernel, so that Node, without allowHalfOpen, has not ended its half yet.
      ends.ours.write(Buffer.alloc(16 * mebibyte))
      await Promise.all([once(ends.ours.resume(), 'end'), ends.peer.finish()])
      const closing = closeLingering(ends.ours, 15_000)
      expect(await ends.peer.read()).toMatchObject({ size: 16 * mebibyte, then: 'end' })
      expect(await closing).toEqual(all)
      await ends.peer.close()
      // TIME_WAIT stays with whoever ends first.
      expect(await timeWaitOf(portOf(ends.server), ends.peer.port)).toBe('theirs')
    },
  )

  test('after end()', async () => {
    const ends = await endsOf(connect)
    ends.ours.end('bye')
    await once(ends.ours, 'finish')
    expect(await closeLingering(ends.ours, 15_000)).toEqual(all)
    expect(await ends.peer.read()).toMatchObject({ size: 3, then: 'end' })
  })

  test('unread data does not turn the end into a reset', async () => {
    const ends = await endsOf(connect, { pauseOnConnect: true })
    await ends.peer.send(100_000)
    ends.ours.write('bye')
    expect(await closeLingering(ends.ours, 15_000)).toEqual(all)
    expect(await ends.peer.read()).toMatchObject({ size: 3, then: 'end' })
    expect(await ends.peer.error()).toBe('none')
  })

  test.for([0, 2000, null])(
    'an SO_LINGER of %s that the socket has makes no difference',
    async (linger, { skip }) => {
      skip(isTimeWaitFull(), fullReason)
      const ends = await endsOf(connect)
      setLinger(ends.ours, linger)
      ends.ours.write('bye')
      expect(await closeLingering(ends.ours, 15_000)).toEqual(all)
      expect(await ends.peer.read()).toMatchObject({ size: 3, then: 'end' })
      expect(await ends.peer.error()).toBe('none')
      await ends.peer.close()
      expect(await timeWaitOf(portOf(ends.server), ends.peer.port)).toBe('ours')
    },
  )

  describe.skipIf(!isRoot)('a deaf peer (skipped without root)', () => {
    test('the answer says so, and the kernel goes on: data and end arrive later', async () => {
      const ends = await endsOf(connect)
      await ends.peer.deaf()
      ends.ours.write(Buffer.alloc(1000))
      const started = performance.now()
      const result = await closeLingering(ends.ours, 200)
      expect(performance.now() - started).toBeGreaterThanOrEqual(199)
      // The FIN has a number of its own.
      expect(result).toEqual({ acknowledged: false, unacknowledged: 1001 })
      expect(ends.ours.closed).toBe(true)
      expect(ends.errors).toEqual([])
      expect(statesOf(ends)).toEqual(['FIN_WAIT1', 'ESTABLISHED'])
      await ends.peer.heal()
      expect(await ends.peer.read()).toMatchObject({ size: 1000, then: 'end' })
    })

    test('one that hears again in time', async () => {
      const ends = await endsOf(connect)
      await ends.peer.deaf()
      ends.ours.write(Buffer.alloc(1000))
      const closing = closeLingering(ends.ours, 15_000)
      await sleep(50)
      await ends.peer.heal()
      expect(await closing).toEqual(all)
      expect(await ends.peer.read()).toMatchObject({ size: 1000, then: 'end' })
    })
  })

  test('a peer that does not read: all that it has not acknowledged is told', async () => {
    const ends = await endsOf(connect)
    const size = 16 * mebibyte
    ends.ours.write(Buffer.alloc(size))
    const { acknowledged, unacknowledged } = await closeLingering(ends.ours, 100)
    expect(acknowledged).toBe(false)
    const received = await ends.peer.read()
    // The kernel delivered what it had; the rest was still Node's.
    expect(received.then).toBe('end')
    expect(received.size).toBeLessThan(size)
    expect(unacknowledged).toBeGreaterThanOrEqual(size - received.size)
  })

  test.for([
    ['while Node turns', false],
    ['while the event loop stands still', true],
  ] as const)('the peer resets, %s: rejects', async ([, blocked]) => {
    const before = openSockets()
    const ends = await endsOf(connect, {}, 8192)
    // Our kernel takes all of it, the peer's does not.
    ends.ours.write(Buffer.alloc(mebibyte / 4))
    const closing = rejectionOf(closeLingering(ends.ours, 15_000))
    await sleep(20)
    const resetting = ends.peer.reset()
    if (blocked) {
      // The command is in the pipe. From here on the kernel knows of the reset before Node does.
      await sleep(0)
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200)
    }
    await resetting
    expect((await closing).code).toMatch(/^(ECONNRESET|EPIPE)$/)
    await until(() => ends.errors.length === 1)
    ends.server.close()
    await until(() => openedSince(before).length === 0)
  })

  test('the program destroys the socket before Node has written all: over at once', async () => {
    const ends = await endsOf(connect)
    const size = 16 * mebibyte
    ends.ours.write(Buffer.alloc(size))
    const closing = closeLingering(ends.ours, 15_000)
    await sleep(20)
    const started = performance.now()
    ends.ours.destroy()
    // From Node 24 on the cancelled write is an error of the socket's.
    const result = await closing.catch((error: unknown) => (error as { code: string }).code)
    expect(performance.now() - started).toBeLessThan(10_000)
    const { size: received, then } = await ends.peer.read()
    expect(then).toBe('end')
    if (typeof result === 'string') {
      expect(result).toBe('ECANCELED')
    } else {
      expect(result.acknowledged).toBe(false)
      expect(result.unacknowledged).toBeGreaterThanOrEqual(size - received)
    }
  })
})

const gapProgram = `
  import net from 'node:net'
  import { once } from 'node:events'
  import { closeLingering, setOption } from 'net-sockopt'
  const server = net.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = net.connect(server.address().port, '127.0.0.1')
  const [socket] = await once(server, 'connection')
  setOption(client, 'SO_ATTACH_FILTER', [{ code: 6, jt: 0, jf: 0, k: 0 }])
  socket.write('unheard')
  let [longest, last] = [0, performance.now()]
  const timer = setInterval(() => {
    const now = performance.now()
    ;[longest, last] = [Math.max(longest, now - last), now]
  }, 5)
  const started = performance.now()
  const result = await closeLingering(socket, 2000)
  const took = performance.now() - started
  await new Promise((resolve) => setTimeout(resolve, 50))
  clearInterval(timer)
  console.log(JSON.stringify({ ...result, longest, took }))
  process.exit()
`

test.runIf(isRoot)(
  'the event loop is never blocked while the peer is deaf for 2 s (needs root)',
  // On a machine that is busy with other things a turn may come late by itself.
  { retry: 3 },
  async () => {
    const { stdout } = await runProgram(gapProgram, { through: ['nice', '-n', '-19'] })
    const report = JSON.parse(stdout) as Record<string, number>
    expect(report).toMatchObject({ acknowledged: false, unacknowledged: 8 })
    expect(report.took).toBeGreaterThanOrEqual(1999)
    expect(report.longest).toBeLessThan(50)
  },
)

describe('closeLingering', () => {
  test.for(['client', 'accepted'] as const)('TLS, from the %s end', async (side) => {
    const { client, accepted } = await tlsEnds(pem)
    const [near, far] = side === 'client' ? [client, accepted] : [accepted, client]
    let size = 0
    far.on('data', (data: Buffer) => (size += data.length))
    const ended = once(far, 'end')
    near.write(Buffer.alloc(mebibyte))
    expect(await closeLingering(near, 15_000)).toEqual(all)
    await ended
    expect(size).toBe(mebibyte)
  })

  test('refuses the socket of an HTTP/2 session', async () => {
    const server = await listening(http2.createServer())
    const opening = once(server, 'session') as Promise<[http2.ServerHttp2Session]>
    const client = http2.connect(`http://127.0.0.1:${portOf(server)}`)
    onTestFinished(() => client.destroy())
    const [session] = await opening
    const error = await rejectionOf(closeLingering(session.socket, 1000))
    expect(error.code).toBe('ERR_INVALID_ARG_VALUE')
    expect(error.message).toContain('HTTP/2 session')
    session.destroy()
  })

  test('a Unix socket, one that still connects, a destroyed one', async () => {
    const path = localPath('unix.sock')
    await listening(net.createServer(), { path })
    const unix = await connected({ path })
    expect((await rejectionOf(closeLingering(unix, 10))).code).toBe(
      isWindows ? 'ENOTSOCK' : 'EOPNOTSUPP',
    )
    const server = await listening(net.createServer())
    const client = net.connect(portOf(server), '127.0.0.1')
    destroyAtEnd(client)
    expect((await rejectionOf(closeLingering(client, 10))).code).toBe('ERR_SOCKET_NOT_OPEN')
    await once(client, 'connect')
    client.destroy()
    expect((await rejectionOf(closeLingering(client, 10))).code).toBe('ERR_SOCKET_CLOSED')
  })

  test.for([
    [-1, 'ERR_OUT_OF_RANGE'],
    [1.5, 'ERR_OUT_OF_RANGE'],
    [NaN, 'ERR_OUT_OF_RANGE'],
    [2 ** 31, 'ERR_OUT_OF_RANGE'],
    ['5', 'ERR_INVALID_ARG_TYPE'],
    [undefined, 'ERR_INVALID_ARG_TYPE'],
  ] as [any, string][])('%s ms are refused and close nothing', async ([ms, code]) => {
    const server = await listening(net.createServer())
    const client = await connected({ port: portOf(server), host: '127.0.0.1' })
    expect((await rejectionOf(closeLingering(client, ms as number))).code).toBe(code)
    expect(client.destroyed).toBe(false)
    expect(client.writable).toBe(true)
  })

  test('what is no socket', async () => {
    for (const what of [undefined, null, 5, {}, { fd: 5 }, net.createServer()]) {
      const error = await rejectionOf(closeLingering(what as any, 10))
      expect(error.code).toBe('ERR_INVALID_ARG_TYPE')
    }
  })
})
