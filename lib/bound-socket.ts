/** A listening socket of our own: options first, then bind(), then listen() with the exact backlog. */
import { lookup } from 'node:dns/promises'
import { addAbortListener } from 'node:events'
import { isIP } from 'node:net'
import { addressBytes, familyNumbers, scopeOf, sockaddrBytes } from './address.js'
import { native } from './binding.js'
import { errnoOf, abortError, invalidValue, listenError } from './errors.js'
import type { ListenPlan, TcpPlace, UnixPlace } from './listen-options.js'
import { adoptTcp, bindUnix, type Handle, handleType } from './node-internals.js'
import { platform } from './platform.js'
import { checkRuntime } from './runtime.js'
import { entriesOf, applyEntries } from './batch.js'

const sockStream = 1

interface Place {
  address: string
  family: 4 | 6
  port: number
}

/**
 * A listening socket in a handle of Node's, which does not accept by itself and closes the socket when it
 * is closed. Leaves no descriptor behind when it fails.
 */
export async function openListener(plan: ListenPlan): Promise<Handle> {
  const { where } = plan
  checkRuntime('A listening socket of our own', ['Node', 'Deno'], 'use server.listen()')
  if ('path' in where) return listenAtPath(where, plan)
  return adopt(await listenAtPort(where, plan), where)
}

async function listenAtPort({ port, host }: TcpPlace, plan: ListenPlan): Promise<number> {
  if (host !== undefined) return listenAt(await resolveHost(host, port, plan.signal), plan)
  try {
    return listenAt({ address: '::', family: 6, port }, plan)
  } catch (error) {
    if (!lacksIpv6(error)) throw error
    return listenAt({ address: '0.0.0.0', family: 4, port }, plan)
  }
}

function adopt(socket: number, { host = '::', port }: TcpPlace): Handle {
  const handle = adoptTcp(socket, handleType.server)
  if (typeof handle !== 'number') return handle
  native.close(socket)
  throw listenError(handle, host, port)
}

/** libuv binds a Unix socket, and removes its path when the handle is closed. */
function listenAtPath({ path, mode }: UnixPlace, plan: ListenPlan): Handle {
  const handle = bindUnix(path)
  if (typeof handle === 'number') throw listenError(handle, path)
  try {
    const socket = handle.fd ?? -1
    applyEntries(socket, plan.beforeBind)
    const changed = mode === 0 ? 0 : (handle.fchmod?.(mode) ?? 0)
    if (changed < 0) throw listenError(changed, path)
    const listening = native.listen(socket, plan.backlog)
    if (listening < 0) throw listenError(listening, path)
    applyEntries(socket, plan.afterListen)
    return handle
  } catch (error) {
    handle.close()
    throw error
  }
}

function lacksIpv6(error: unknown): boolean {
  const { errno } = error as { errno?: number }
  return errno === errnoOf('EAFNOSUPPORT') || errno === errnoOf('EADDRNOTAVAIL')
}

async function resolveHost(host: string, port: number, signal?: AbortSignal): Promise<Place> {
  const known = isIP(host)
  if (known !== 0) return { address: host, family: known as 4 | 6, port }
  const { address, family } = await abortable(lookup(host), signal)
  return { address, family: family as 4 | 6, port }
}

/** The promise, or a rejection as soon as the signal aborts. */
async function abortable<T>(promise: Promise<T>, signal?: AbortSignal): Promise<T> {
  if (signal === undefined) return promise
  if (signal.aborted) throw abortError(signal)
  return new Promise<T>((resolve, reject) => {
    const listener = addAbortListener(signal, () => reject(abortError(signal)))
    promise.then(resolve, reject).finally(() => listener[Symbol.dispose]())
  })
}

function listenAt(place: Place, plan: ListenPlan): number {
  if (plan.ipv6Only && place.family === 4) {
    throw invalidValue(
      'options.ipv6Only',
      true,
      `cannot be had at the IPv4 address ${place.address}`,
    )
  }
  const socket = native.open(familyNumbers[platform][place.family], sockStream, 0)
  const failed = (errno: number): Error => listenError(errno, place.address, place.port)
  if (socket < 0) throw failed(socket)
  try {
    applyEntries(socket, entriesOf(ownOptions(place, plan)))
    applyEntries(socket, plan.beforeBind)
    const bound = native.bind(socket, addressOf(place))
    if (bound < 0) throw failed(bound)
    const listening = native.listen(socket, plan.backlog)
    if (listening < 0) throw failed(listening)
    applyEntries(socket, plan.afterListen)
    return socket
  } catch (error) {
    native.close(socket)
    throw error
  }
}

/** What Node itself sets on a listener, so that ours behaves alike; its caller's options come after and win. */
function ownOptions({ family }: Place, { ipv6Only }: ListenPlan) {
  return {
    ...(platform !== 'win32' && { SO_REUSEADDR: true }),
    ...(family === 6 && { IPV6_V6ONLY: ipv6Only }),
  }
}

function addressOf({ address, family, port }: Place): Uint8Array {
  const scope = scopeOf(address)
  if (scope === undefined || addressBytes(address) === undefined) {
    throw invalidValue('options.host', address, 'names an interface that does not exist')
  }
  return sockaddrBytes({ family, address, port, scope }, platform)
}
