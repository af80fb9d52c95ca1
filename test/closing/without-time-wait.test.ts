import { once } from 'node:events'
import http from 'node:http'
import http2 from 'node:http2'
import net from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { closeWithoutTimeWait } from '../../lib/index.js'
import { certificate } from '../support/certificate.js'
import { endsOf, mebibyte, statesOf, timeWaitOf } from '../support/closing.js'
import { openedSince, openSockets } from '../support/descriptors.js'
import { rejectionOf } from '../support/errors.js'
import { localPath } from '../support/files.js'
import { hasPython, usePeers } from '../support/peer.js'
import { connected, destroyAtEnd, listening, portOf } from '../support/sockets.js'
import { isWine, isWindows } from '../support/system.js'
import { tlsEnds } from '../support/tls.js'
import { isRoot } from '../support/untyped.js'
import { until } from '../support/until.js'

let pem: { key: string; cert: string }
beforeAll(async () => {
  pem = await certificate()
})

/** Within what the peer's window takes, more than that, more than both kernels take. */
const sizes = { '10 bytes': 10, '1 MiB': mebibyte, '32 MiB': 32 * mebibyte }

describe.skipIf(!hasPython)('closeWithoutTimeWait (skipped where python3 is missing)', () => {
  const connect = usePeers()

  test.for(Object.entries(sizes))('%s arrive, then the reset', async ([, size]) => {
    const before = openSockets()
    const ends = await endsOf(connect)
    ends.ours.write(Buffer.alloc(size, 'x'))
    const closing = closeWithoutTimeWait(ends.ours, { timeout: 15_000 })
    const closed = once(ends.ours, 'close')
    const received = await ends.peer.read()
    expect(received).toMatchObject({ size, then: 'ECONNRESET' })
    expect(await closing).toEqual({ unacknowledged: 0 })
    expect(await closed).toEqual([false])
    expect(ends.errors).toEqual([])
    expect(statesOf(ends)).toEqual([undefined, undefined])
    await ends.peer.close()
    expect(await timeWaitOf(portOf(ends.server), ends.peer.port)).toBe('nobody')
    ends.server.close()
    await until(() => openedSince(before).length === 0)
  })

  test('resolves only when the peer has acknowledged, and closes only then', async () => {
    const ends = await endsOf(connect)
    ends.ours.write(Buffer.alloc(8 * mebibyte))
    const closing = closeWithoutTimeWait(ends.ours, { timeout: 15_000 })
    let isOver = false
    void closing.then(() => (isOver = true))
    await sleep(100)
    expect(isOver).toBe(false)
    expect(ends.ours.destroyed).toBe(false)
    expect(statesOf(ends)).toEqual(['ESTABLISHED', 'ESTABLISHED'])
    const { size } = await ends.peer.read()
    expect(size).toBe(8 * mebibyte)
    expect(await closing).toEqual({ unacknowledged: 0 })
  })

  test('nothing to send, nothing to wait for', async () => {
    const ends = await endsOf(connect)
    expect(await closeWithoutTimeWait(ends.ours)).toEqual({ unacknowledged: 0 })
    expect(await ends.peer.read()).toMatchObject({ size: 0, then: 'ECONNRESET' })
  })

  test('with unread data', async () => {
    const ends = await endsOf(connect, { pauseOnConnect: true })
    await ends.peer.send(1000)
    ends.ours.write(Buffer.alloc(mebibyte))
    const closing = closeWithoutTimeWait(ends.ours, { timeout: 15_000 })
    expect(await ends.peer.read()).toMatchObject({ size: mebibyte, then: 'ECONNRESET' })
    expect(await closing).toEqual({ unacknowledged: 0 })
    expect(await timeWaitOf(portOf(ends.server), ends.peer.port)).toBe('nobody')
  })

  test.for([true, false])('the peer ended first, allowHalfOpen %s', async (allowHalfOpen) => {
    const ends = await endsOf(connect, { allowHalfOpen })
    // Too much for the kernel, so that Node, without allowHalfOpen, has not ended its half yet.
    ends.ours.write(Buffer.alloc(16 * mebibyte))
    await Promise.all([once(ends.ours.resume(), 'end'), ends.peer.finish()])
    const closing = closeWithoutTimeWait(ends.ours, { timeout: 15_000 })
    const { size, then } = await ends.peer.read()
    expect(size).toBe(16 * mebibyte)
    // Without allowHalfOpen Node has begun to end its half already.
    expect(then).toBe(allowHalfOpen ? 'ECONNRESET' : 'end')
    expect(await closing).toEqual({ unacknowledged: 0 })
    expect(ends.errors).toEqual([])
    if (allowHalfOpen) {
      expect(await timeWaitOf(portOf(ends.server), ends.peer.port)).toBe('nobody')
    }
  })

  test.for([true, false])(
    'the peer resets meanwhile: rejects, whether we read (%s) or not',
    async (reads) => {
      const before = openSockets()
      const ends = await endsOf(connect, { pauseOnConnect: !reads }, 8192)
      // Our kernel has taken all of it, so that Node neither writes nor, if paused, reads.
      await new Promise((resolve) => ends.ours.write(Buffer.alloc(mebibyte / 4), resolve))
      const closing = rejectionOf(closeWithoutTimeWait(ends.ours, { timeout: 15_000 }))
      await sleep(20)
      const started = performance.now()
      await ends.peer.reset()
      expect((await closing).code).toMatch(/^(ECONNRESET|EPIPE)$/)
      expect(performance.now() - started).toBeLessThan(10_000)
      expect(ends.ours.destroyed).toBe(true)
      await until(() => ends.errors.length === 1)
      ends.server.close()
      await until(() => openedSince(before).length === 0)
    },
  )

  test.runIf(isRoot)('a deaf peer: says how much, and has closed anyway (needs root)', async () => {
    const ends = await endsOf(connect)
    await ends.peer.deaf()
    ends.ours.write(Buffer.alloc(1000))
    const started = performance.now()
    const closing = closeWithoutTimeWait(ends.ours, { timeout: 150 })
    await sleep(50)
    expect(ends.ours.destroyed).toBe(false)
    expect(await closing).toEqual({ unacknowledged: 1000 })
    expect(performance.now() - started).toBeGreaterThanOrEqual(149)
    expect(ends.ours.closed).toBe(true)
    expect(ends.errors).toEqual([])
    expect(statesOf(ends)[0]).toBeUndefined()
  })

  test.runIf(isRoot)(
    'a deaf peer that hears again in time loses nothing (needs root)',
    async () => {
      const ends = await endsOf(connect)
      await ends.peer.deaf()
      ends.ours.write(Buffer.alloc(1000))
      const closing = closeWithoutTimeWait(ends.ours, { timeout: 15_000 })
      await sleep(50)
      await ends.peer.heal()
      expect(await closing).toEqual({ unacknowledged: 0 })
      expect(await ends.peer.read()).toMatchObject({ size: 1000, then: 'ECONNRESET' })
    },
  )

  test('a peer that does not read: what it has lost is no more than we say', async () => {
    const ends = await endsOf(connect)
    const all = 16 * mebibyte
    ends.ours.write(Buffer.alloc(all))
    const { unacknowledged } = await closeWithoutTimeWait(ends.ours, { timeout: 100 })
    const { size, then } = await ends.peer.read()
    expect(then).toBe('ECONNRESET')
    expect(size).toBeLessThan(all)
    expect(unacknowledged).toBeGreaterThanOrEqual(all - size)
  })

  test('a timeout of 0 does not wait', async () => {
    const ends = await endsOf(connect)
    ends.ours.write(Buffer.alloc(16 * mebibyte))
    const { unacknowledged } = await closeWithoutTimeWait(ends.ours, { timeout: 0 })
    expect(unacknowledged).toBeGreaterThan(0)
  })

  test('destroyed meanwhile with data that Node had not written: never "all is well"', async () => {
    const ends = await endsOf(connect)
    const all = 16 * mebibyte
    ends.ours.write(Buffer.alloc(all))
    const closing = closeWithoutTimeWait(ends.ours, { timeout: 15_000 })
    ends.ours.destroy()
    const reading = ends.peer.read()
    // From Node 24 on the cancelled write is an error of the socket's.
    const result = await closing.catch((error: unknown) => (error as { code: string }).code)
    const { size } = await reading
    expect(size).toBeLessThan(all)
    if (typeof result === 'string') expect(result).toBe('ECANCELED')
    else expect(result.unacknowledged).toBeGreaterThanOrEqual(all - size)
  })

  test('an HTTP response arrives completely', async () => {
    const body = Buffer.alloc(mebibyte, 'x')
    const results: Promise<unknown>[] = []
    const server = await listening(
      http.createServer((request, response) => {
        response.end(body)
        results.push(closeWithoutTimeWait(request.socket))
      }),
    )
    const request = http.get({ port: portOf(server), host: '127.0.0.1', agent: false })
    const [response] = (await once(request, 'response')) as [http.IncomingMessage]
    const received = Buffer.concat(await response.toArray())
    expect(received.length).toBe(body.length)
    expect(await Promise.all(results)).toEqual([{ unacknowledged: 0 }])
  })
})

describe('closeWithoutTimeWait', () => {
  test.for(['client', 'accepted'] as const)('TLS, from the %s end', async (side) => {
    const { server, client, accepted } = await tlsEnds(pem)
    const [near, far] = side === 'client' ? [client, accepted] : [accepted, client]
    const theirPort = client.localPort ?? 0
    let size = 0
    far.on('data', (data: Buffer) => (size += data.length))
    const gone = once(far, 'close').catch(() => undefined)
    near.write(Buffer.alloc(mebibyte))
    if (isWine) {
      // It cannot tell what is unacknowledged, so nothing may happen.
      const error = await rejectionOf(closeWithoutTimeWait(near))
      expect(error).toMatchObject({ code: 'EOPNOTSUPP', option: 'SIO_TCP_INFO' })
      expect(near.destroyed).toBe(false)
      return
    }
    expect(await closeWithoutTimeWait(near, { timeout: 15_000 })).toEqual({ unacknowledged: 0 })
    await gone
    expect(size).toBe(mebibyte)
    expect(await timeWaitOf(portOf(server), theirPort)).toBe('nobody')
  })

  test('refuses the socket of an HTTP/2 session, whose data it cannot count', async () => {
    const server = await listening(http2.createServer())
    const opening = once(server, 'session') as Promise<[http2.ServerHttp2Session]>
    const client = http2.connect(`http://127.0.0.1:${portOf(server)}`)
    onTestFinished(() => client.destroy())
    const [session] = await opening
    const error = await rejectionOf(closeWithoutTimeWait(session.socket))
    expect(error.code).toBe('ERR_INVALID_ARG_VALUE')
    expect(error.message).toContain('HTTP/2 session')
    session.destroy()
  })

  test('a Unix socket, one that still connects, a destroyed one', async () => {
    const path = localPath('unix.sock')
    await listening(net.createServer(), { path })
    const unix = await connected({ path })
    expect((await rejectionOf(closeWithoutTimeWait(unix))).code).toBe(
      isWindows ? 'ENOTSOCK' : 'EOPNOTSUPP',
    )
    const server = await listening(net.createServer())
    const client = net.connect(portOf(server), '127.0.0.1')
    destroyAtEnd(client)
    expect((await rejectionOf(closeWithoutTimeWait(client))).code).toBe('ERR_SOCKET_NOT_OPEN')
    await once(client, 'connect')
    client.destroy()
    expect((await rejectionOf(closeWithoutTimeWait(client))).code).toBe('ERR_SOCKET_CLOSED')
  })

  test.for([
    [{ timeout: -1 }, 'ERR_OUT_OF_RANGE'],
    [{ timeout: 1.5 }, 'ERR_OUT_OF_RANGE'],
    [{ timeout: 2 ** 31 }, 'ERR_OUT_OF_RANGE'],
    [{ timeout: '5' }, 'ERR_INVALID_ARG_TYPE'],
  ] as [any, string][])('%j is refused and closes nothing', async ([options, code]) => {
    const before = openSockets()
    const server = await listening(net.createServer())
    const client = await connected({ port: portOf(server), host: '127.0.0.1' })
    const error = await rejectionOf(closeWithoutTimeWait(client, options as object))
    expect(error.code).toBe(code)
    expect(client.destroyed).toBe(false)
    client.destroy()
    server.close()
    await until(() => openedSince(before).length === 0)
  })

  test('what is no socket', async () => {
    for (const what of [undefined, null, 5, {}, { fd: 5 }, net.createServer()]) {
      const error = await rejectionOf(closeWithoutTimeWait(what as any))
      expect(error.code).toBe('ERR_INVALID_ARG_TYPE')
    }
  })
})
