/** The options of a listener: checked and turned into what must happen when, before any system call. */
import cluster from 'node:cluster'
import { isPerConnection } from './accepted.js'
import { checkInteger, checkObject } from './arguments.js'
import { wholeSeconds } from './durations.js'
import { errnoOf, invalidType, invalidValue, systemError, targetError } from './errors.js'
import { type KeepAlive, keepAliveEntries } from './keep-alive.js'
import type { OptionValues } from './option-types.js'
import { platform, platformNames } from './platform.js'
import { entriesOf, type Entry } from './batch.js'

import { userTimeoutOptions } from './user-timeout.js'

/** Where to listen, and with which socket options. */
export interface ListenOptions {
  /** TCP port; 0 lets the system choose. */
  port?: number
  /** Address or name to bind to. Left out: every address, IPv6 and IPv4 with one socket where possible. */
  host?: string
  /** A Unix socket's path, instead of `port`. */
  path?: string
  /**
   * Connections that may wait for accept(), exactly so many (Linux holds one more). Default 511. Windows cuts a
   * large number to what it finds reasonable, and does not tell; `{ hint: 200 to 65535 }` is its
   * `SOMAXCONN_HINT`, which it follows, and elsewhere the plain number.
   */
  backlog?: number | { hint: number }
  /**
   * Windows: Node has 32 connections accepted ahead (AcceptEx), which the backlog does not count; false leaves it
   * one. Elsewhere nothing is accepted ahead. A {@link TcpListener} accepts nothing ahead anywhere.
   */
  simultaneousAccepts?: boolean
  /** Leaves IPv4 out when listening on `::`. */
  ipv6Only?: boolean
  /** `SO_REUSEPORT`: several sockets on one port, between which the kernel balances (Linux). */
  reusePort?: boolean
  /** In a cluster worker: a socket of its own, which no other worker can bind. */
  exclusive?: boolean
  /** Aborting it before the server listens rejects the promise; afterwards it closes the server. */
  signal?: AbortSignal
  /** Unix socket: everyone may connect and read, write (permissions of the path). */
  readableAll?: boolean
  writableAll?: boolean
  /** As {@link setKeepAlive}, for every accepted socket. */
  keepAlive?: KeepAlive | false
  /** As {@link setLinger}, for every accepted socket. */
  linger?: number | null
  /** As {@link setUserTimeout}, for every accepted socket. */
  userTimeout?: number
  /** Any other options, by name, in the kernel's own unit: set before bind(), so that accepted sockets inherit them. */
  socketOptions?: OptionValues
}

export interface TcpPlace {
  readonly port: number
  readonly host: string | undefined
}

export interface UnixPlace {
  readonly path: string
  /** UV_READABLE (1) and UV_WRITABLE (2) for everybody, as uv_pipe_chmod() takes them. */
  readonly mode: number
}

/** What is to be done with the socket, and when. */
export interface ListenPlan {
  readonly where: TcpPlace | UnixPlace
  readonly backlog: number
  readonly simultaneousAccepts: boolean
  readonly ipv6Only: boolean
  readonly signal: AbortSignal | undefined
  readonly beforeBind: readonly Entry[]
  readonly afterListen: readonly Entry[]
  /** For each accepted socket, since this system does not inherit them. */
  readonly perConnection: readonly Entry[]
}

type Check = (name: string, value: unknown) => void

const checks: Record<keyof ListenOptions, Check> = {
  port: (name, value) => checkInteger(name, value, 'port', 0, 65535),
  host: checkType('string'),
  path: checkPath,
  backlog: checkBacklog,
  simultaneousAccepts: checkType('boolean'),
  ipv6Only: checkType('boolean'),
  reusePort: checkType('boolean'),
  exclusive: checkType('boolean'),
  signal: (name, value) => {
    if (!(value instanceof AbortSignal)) throw invalidType(name, 'an AbortSignal', value)
  },
  readableAll: checkType('boolean'),
  writableAll: checkType('boolean'),
  keepAlive: () => undefined,
  linger: () => undefined,
  userTimeout: () => undefined,
  socketOptions: () => undefined,
}

function checkType(type: 'string' | 'boolean'): Check {
  return (name, value) => {
    if (typeof value !== type) throw invalidType(name, `of type ${type}`, value)
  }
}

/** SOMAXCONN_HINT in the documentation of Winsock's listen(): 200 to 65535. */
function checkBacklog(name: string, value: unknown): void {
  if (typeof value !== 'object' || value === null) {
    checkInteger(name, value, 'connections', 0, 2 ** 31 - 1)
    return
  }
  const { hint, ...others } = value as { hint: unknown }
  const [unknown] = Object.keys(others)
  if (unknown !== undefined)
    throw invalidValue(`${name}.${unknown}`, value, 'is not the one member, hint')
  checkInteger(`${name}.hint`, hint, 'connections', 200, 65535)
}

/** The number for listen(). SOMAXCONN_HINT(n) is -n (winsock2.h). */
function backlogNumber(backlog: ListenOptions['backlog'] = 511): number {
  if (typeof backlog === 'number') return backlog
  return platform === 'win32' ? -backlog.hint : backlog.hint
}

/** struct sockaddr_un holds 108 bytes on Linux, 104 on macOS; libuv would cut a longer path silently. */
function checkPath(name: string, value: unknown): void {
  if (typeof value !== 'string') throw invalidType(name, 'of type string', value)
  const room = platform === 'linux' ? 108 : 104
  if (value === '' || Buffer.byteLength(value) >= room) {
    throw invalidValue(name, value, `must have 1 to ${room - 1} bytes`)
  }
}

/** Throws for anything that is wrong with the options. */
export function planListening(options: ListenOptions): ListenPlan {
  checkObject('options', options)
  for (const [name, value] of Object.entries(options)) {
    if (!Object.hasOwn(checks, name)) {
      throw invalidValue(`options.${name}`, value, 'is not a listen option')
    }
    if (value !== undefined) checks[name as keyof ListenOptions](`options.${name}`, value)
  }
  checkCombination(options)
  const entries = entriesFor(options)
  const unix = options.path !== undefined
  const perConnection = entries.filter((entry) => isPerConnection(entry, unix))
  const onListener = entries.filter((entry) => !perConnection.includes(entry))
  const isLate = ({ option }: Entry): boolean => option.row.afterListen?.includes(platform) === true
  return {
    where: placeOf(options),
    backlog: backlogNumber(options.backlog),
    simultaneousAccepts: options.simultaneousAccepts ?? true,
    ipv6Only: options.ipv6Only ?? false,
    signal: options.signal,
    beforeBind: onListener.filter((entry) => !isLate(entry)),
    afterListen: onListener.filter(isLate),
    perConnection,
  }
}

function placeOf(options: ListenOptions): TcpPlace | UnixPlace {
  const { port = 0, host, path, readableAll, writableAll } = options
  if (path === undefined) return { port, host }
  return { path, mode: (readableAll ? 1 : 0) | (writableAll ? 2 : 0) }
}

function checkCombination(options: ListenOptions): void {
  const { port, path, host, reusePort, exclusive } = options
  if (port === undefined && path === undefined) {
    throw invalidValue('options', options, 'must have the property "port" or "path"')
  }
  if (path !== undefined) {
    const other = [port, host, reusePort, options.ipv6Only].some((value) => value !== undefined)
    if (other) {
      const reason = 'with "path" cannot have "port", "host", "ipv6Only" or "reusePort"'
      throw invalidValue('options', options, reason)
    }
    if (platform === 'win32') {
      const hint =
        'a named pipe is no socket: it has no backlog and no options; use server.listen()'
      throw systemError(errnoOf('ENOTSUP'), 'listen', { option: 'path', hint })
    }
  }
  if (reusePort === true && platform !== 'linux') {
    const hint = `${platformNames[platform]} does not balance connections between sockets of one port`
    throw systemError(errnoOf('ENOTSUP'), 'listen', { option: 'reusePort', hint })
  }
  if (cluster.isWorker && reusePort !== true && exclusive !== true) {
    const message =
      'In a cluster worker say { reusePort: true } (each worker has its own socket, the kernel balances) ' +
      'or { exclusive: true } (this worker alone has the port)'
    throw targetError('ERR_SOCKET_SHARED', message)
  }
}

function entriesFor(options: ListenOptions): Entry[] {
  const { socketOptions = {}, keepAlive, linger, userTimeout, reusePort } = options
  return [
    ...entriesOf(socketOptions, 'options.socketOptions'),
    ...entriesOf({
      ...(reusePort === true && { SO_REUSEPORT: true }),
      ...(linger !== undefined && { SO_LINGER: lingerSeconds(linger) }),
      ...(userTimeout !== undefined && userTimeoutOptions(userTimeout)),
    }),
    ...(keepAlive === undefined ? [] : keepAliveEntries(keepAlive)),
  ]
}

function lingerSeconds(linger: number | null): number | null {
  return linger === null ? null : wholeSeconds('options.linger', linger)
}
