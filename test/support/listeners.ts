/** TcpListeners for tests, closed when the test is over, and clients of theirs. */
import type net from 'node:net'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'
import { TcpListener, type TcpListenerOptions } from '../../lib/index.js'
import { temporaryPath } from './files.js'
import { connected } from './sockets.js'
import { isWindows } from './system.js'

/** Where a listener may listen, for tests that are the same for each kind. Windows has no Unix sockets for Node. */
export const places: (readonly ['TCP' | 'Unix', () => { path?: string }])[] = [
  ['TCP', () => ({})],
  ...(isWindows ? [] : [['Unix', () => ({ path: temporaryPath('unix.sock') })] as const]),
]

/** Options that the system refuses: too large a number, or on Windows two that exclude each other. */
export const refused = isWindows
  ? {
      socketOptions: { SO_REUSEADDR: true, SO_EXCLUSIVEADDRUSE: true },
      option: 'SO_EXCLUSIVEADDRUSE',
    }
  : { socketOptions: { TCP_KEEPCNT: 1000 }, option: 'TCP_KEEPCNT' }

/** On loopback unless said otherwise. */
export async function listenerFor(options: TcpListenerOptions = {}): Promise<TcpListener> {
  const place = options.path === undefined ? { port: 0, host: '127.0.0.1' } : {}
  const listener = await TcpListener.listen({ ...place, ...options })
  onTestFinished(() => listener.close({ timeout: 0 }))
  return listener
}

/** Where clients find it. */
export function placeOf(listener: TcpListener): net.NetConnectOpts & { port?: number } {
  const address = listener.address() ?? ''
  if (typeof address === 'string') return { path: address }
  return { port: address.port, host: address.family === 'IPv6' ? '::1' : '127.0.0.1' }
}

export function portOfListener(listener: TcpListener): number {
  return (listener.address() as AddressInfo).port
}

/** A client, connected, which means: in the queue. */
export async function clientOf(
  listener: TcpListener,
  options: { allowHalfOpen?: boolean } = {},
): Promise<net.Socket> {
  return connected({ ...placeOf(listener), ...options })
}

/** Both ends of a connection that the listener has accepted. */
export async function acceptedPair(
  listener: TcpListener,
): Promise<{ client: net.Socket; accepted: net.Socket }> {
  const client = await clientOf(listener)
  const accepted = await listener.accept()
  accepted.on('error', () => undefined)
  onTestFinished(() => void accepted.destroy())
  return { client, accepted }
}
