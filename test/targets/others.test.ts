import { once } from 'node:events'
import dgram from 'node:dgram'
import { open } from 'node:fs/promises'
import http from 'node:http'
import net from 'node:net'
import { spawn } from 'node:child_process'
import { describe, expect, onTestFinished, test } from 'vitest'
import {
  getAcceptQueue,
  getLinger,
  getOption,
  getOptions,
  getsockopt,
  ioctl,
  setBacklog,
  setLinger,
  setOption,
} from '../../lib/index.js'
import { errorOf } from '../support/errors.js'
import { temporaryPath } from '../support/files.js'
import { descriptorOf } from '../support/python.js'
import { listening, tcpPair } from '../support/sockets.js'
import { isWindows } from '../support/system.js'

describe('dgram.Socket', () => {
  function datagram(type: dgram.SocketType): dgram.Socket {
    const socket = dgram.createSocket(type)
    onTestFinished(() => {
      try {
        socket.close()
      } catch {
        // The test has closed it.
      }
    })
    return socket
  }

  test.for(['udp4', 'udp6'] as const)('%s, bound', async (type) => {
    const socket = datagram(type)
    socket.bind(0)
    await once(socket, 'listening')
    expect(getOption(socket, 'SO_OOBINLINE')).toBe(false)
    setOption(socket, 'SO_OOBINLINE', true)
    expect(getOption(socket, 'SO_OOBINLINE')).toBe(true)
  })

  test('not bound yet: kept, and there before its own listening listener runs', async () => {
    const socket = datagram('udp4')
    const seen = new Promise((resolve) => {
      socket.on('listening', () => resolve(getOption(socket, 'SO_OOBINLINE')))
    })
    setOption(socket, 'SO_OOBINLINE', true)
    expect(errorOf(() => getOption(socket, 'SO_OOBINLINE')).code).toBe('ERR_SOCKET_NOT_OPEN')
    socket.bind(0)
    expect(await seen).toBe(true)
  })

  test('not bound yet, and the kernel refuses: closed with the error', async () => {
    const socket = datagram('udp4')
    setOption(socket, 'TCP_KEEPIDLE', 77)
    socket.bind(0)
    const [error] = (await once(socket, 'error')) as [Error & Record<string, unknown>]
    expect(error).toMatchObject({ syscall: 'setsockopt', option: 'TCP_KEEPIDLE' })
    expect(errorOf(() => getLinger(socket)).code).toBe('ERR_SOCKET_CLOSED')
  })

  test('closed', async () => {
    const socket = datagram('udp4')
    socket.bind(0)
    await once(socket, 'listening')
    socket.close()
    expect(errorOf(() => getLinger(socket)).code).toBe('ERR_SOCKET_CLOSED')
  })
})

describe('net.Server', () => {
  test.for([
    ['net', () => net.createServer()],
    ['http', () => http.createServer()],
  ] as const)('%s', async ([, make]) => {
    const server = await listening<net.Server>(make())
    setLinger(server, 3000)
    expect(getLinger(server)).toBe(3000)
  })

  test('not listening yet: ERR_SOCKET_NOT_OPEN, and what to use instead', () => {
    const error = errorOf(() => setLinger(net.createServer(), 0))
    expect(error.code).toBe('ERR_SOCKET_NOT_OPEN')
    expect(error.message).toContain('listenWithBacklog')
  })

  test('closed: ERR_SOCKET_CLOSED', async () => {
    const server = await listening(net.createServer())
    server.close()
    expect(errorOf(() => setLinger(server, 0)).code).toBe('ERR_SOCKET_CLOSED')
  })

  test('closed and listening again', async () => {
    const server = await listening(net.createServer())
    server.close()
    await once(server, 'close')
    expect(errorOf(() => getLinger(server)).code).toBe('ERR_SOCKET_CLOSED')
    server.listen(0)
    await once(server, 'listening')
    expect(getLinger(server)).toBe(null)
  })
})

describe('descriptors', () => {
  test('a number, an object with fd, an object with fd()', async () => {
    const server = await listening(net.createServer())
    const fd = descriptorOf(server)
    setLinger(fd, 3000)
    expect(getLinger({ fd })).toBe(3000)
    expect(getLinger({ fd: () => fd })).toBe(3000)
  })

  test.skipIf(!('BoundSocket' in net))('a net.BoundSocket (Node 26)', () => {
    const { BoundSocket } = net as unknown as {
      BoundSocket: new (options: object) => { fd(): number; close(): void }
    }
    const bound = new BoundSocket({ host: '127.0.0.1', port: 0 })
    onTestFinished(() => bound.close())
    if (isWindows) {
      // It tells no descriptor there.
      expect(errorOf(() => setLinger(bound, 3000)).code).toBe('ERR_OUT_OF_RANGE')
      return
    }
    setLinger(bound, 3000)
    expect(getLinger(bound)).toBe(3000)
  })

  test('a file and a directory are ENOTSOCK, for options and for ioctl', async () => {
    for (const path of [temporaryPath('file'), process.cwd()]) {
      const file = await open(path, path === process.cwd() ? 'r' : 'w')
      onTestFinished(() => file.close())
      expect(errorOf(() => getLinger(file)).code).toBe('ENOTSOCK')
      expect(errorOf(() => setLinger(file.fd, 0)).code).toBe('ENOTSOCK')
      expect(errorOf(() => ioctl(file, 'FIONREAD')).code).toBe('ENOTSOCK')
      expect(errorOf(() => getsockopt(file, 1, 3, 4)).code).toBe('ENOTSOCK')
      // There is no such call on Windows.
      const code = isWindows ? 'ENOPROTOOPT' : 'ENOTSOCK'
      expect(errorOf(() => getAcceptQueue(file)).code).toBe(code)
      expect(errorOf(() => setBacklog(file, 5)).code).toBe(code)
    }
  })

  test.skipIf(isWindows)('a pipe is ENOTSOCK (by sh)', async () => {
    // /bin/sh gives its child a pipe(2); Node itself would use a socketpair.
    const child = spawn('sh', ['-c', `true | "${process.execPath}" test/support/stdin-linger.js`], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const [output] = (await once(child.stdout, 'data')) as [Buffer]
    expect(output.toString().trim()).toBe('ENOTSOCK')
  })

  test.for([-1, 1.5, NaN, Infinity, 2 ** 31, 2 ** 53])('%s is out of range', (fd) => {
    expect(errorOf(() => getLinger(fd)).code).toBe('ERR_OUT_OF_RANGE')
    expect(errorOf(() => getLinger({ fd })).code).toBe('ERR_OUT_OF_RANGE')
  })

  test('a closed descriptor is EBADF, on Windows ENOTSOCK', () => {
    const code = isWindows ? 'ENOTSOCK' : 'EBADF'
    expect(errorOf(() => getLinger(1_000_000)).code).toBe(code)
    expect(errorOf(() => ioctl(1_000_000, 'FIONREAD')).code).toBe(code)
  })

  test.for([
    undefined,
    null,
    'socket',
    {},
    [],
    Symbol('x'),
    { fd: '3' },
    { fd: () => null },
  ] as any[])('%s is no target', (target) => {
    const error = errorOf(() => getLinger(target as number))
    expect(error).toBeInstanceOf(TypeError)
    expect(error.code).toBe('ERR_INVALID_ARG_TYPE')
    expect(error.message).toContain('target')
  })
})

describe('a half-finished batch', () => {
  test('getOptions names the option that the kernel refused', async () => {
    const { client } = await tcpPair()
    const error = errorOf(() => getOptions(client, ['SO_TYPE', 'IPV6_UNICAST_HOPS', 'SO_LINGER']))
    expect(error).toMatchObject({ syscall: 'getsockopt', option: 'IPV6_UNICAST_HOPS' })
  })
})
