/**
 * The only place where errors are made. Wrong arguments get Node's own codes; what the system refused
 * looks like Node's system errors, with the option's name added.
 */
import { constants } from 'node:os'
import { getSystemErrorMap, inspect } from 'node:util'

/** An error of the operating system, in the shape that Node gives its own. */
export interface SocketOptionError extends Error {
  /** The POSIX name, on every platform: `'EINVAL'`. */
  code: string
  /** The negated error number of this system. */
  errno: number
  /** `'setsockopt'`, `'getsockopt'`, `'ioctl'`, `'listen'` ... */
  syscall: string
  /** The option or request that was refused, by its name in C. */
  option?: string
  /** `setOptions` only: the options that had been applied when this one was refused. */
  applied?: string[]
}

/** What may stand beside an error number in a system error. */
export interface SystemErrorDetails {
  option?: string
  /** More for the message: why, or what to do. */
  hint?: string | undefined
  applied?: string[]
  address?: string
  port?: number
}

const names = new Map<number, string>()
for (const [name, number] of Object.entries(constants.errno)) {
  // EAGAIN and EWOULDBLOCK, EOPNOTSUPP and ENOTSUP share a number on Linux: sockets' man pages use the first.
  if (!names.has(number) || name === 'EOPNOTSUPP') names.set(number, posixName(name))
}
const descriptions = new Map<string, string>()
for (const [errno, [name, description]] of getSystemErrorMap()) {
  // libuv has numbers of its own on Windows.
  if (!names.has(-errno)) names.set(-errno, name)
  descriptions.set(name, description)
}

/** Winsock's WSAECONNREFUSED is POSIX' ECONNREFUSED, and its WSAEWOULDBLOCK is EAGAIN. */
function posixName(name: string): string {
  return name === 'WSAEWOULDBLOCK' ? 'EAGAIN' : name.replace(/^WSAE/, 'E')
}

/** The error for a negated error number that a native call returned. */
export function systemError(
  errno: number,
  syscall: string,
  details: SystemErrorDetails = {},
): SocketOptionError {
  const code = names.get(-errno) ?? `E${-errno}`
  const description = descriptions.get(code)
  const { hint, ...properties } = details
  const subject = properties.option ?? addressText(properties)
  const because = [description, hint].filter(Boolean).join('; ')
  const message = `${syscall} ${code}${subject ? ` ${subject}` : ''}${because ? `: ${because}` : ''}`
  return Object.assign(new Error(message), { errno, code, syscall, ...properties })
}

function addressText({ address, port }: SystemErrorDetails): string | undefined {
  if (address === undefined) return undefined
  return port === undefined ? address : `${address}:${port}`
}

/** A POSIX error that this system has. */
export type ErrorName = keyof typeof constants.errno

/** The negated number of an error as native calls return it, by its POSIX name: Winsock's where it has one. */
export function errnoOf(name: ErrorName): number {
  return -(winsock.get(name) ?? constants.errno[name])
}

const winsock = new Map(
  Object.entries(constants.errno)
    .filter(([name]) => name.startsWith('WSAE'))
    .map(([name, number]) => [posixName(name), number]),
)
// It has no number for this one.
const notSupported = winsock.get('EOPNOTSUPP')
if (notSupported !== undefined) winsock.set('ENOTSUP', notSupported)

/** Codes of our own, for a target without a socket that we could act on. */
export type TargetErrorCode = 'ERR_SOCKET_NOT_OPEN' | 'ERR_SOCKET_CLOSED' | 'ERR_SOCKET_SHARED'

export function targetError(code: TargetErrorCode, message: string): Error & { code: string } {
  return withCode(new Error(message), code)
}

/** The `name` argument has the wrong type. `expected` reads on after "must be". */
export function invalidType(name: string, expected: string, received: unknown): TypeError {
  const message = `The "${name}" argument must be ${expected}. Received ${describe(received)}`
  return withCode(new TypeError(message), 'ERR_INVALID_ARG_TYPE')
}

/** The `name` argument has the right type, but no value that means anything here. */
export function invalidValue(name: string, received: unknown, reason: string): TypeError {
  const message = `The argument '${name}' ${reason}. Received ${describe(received)}`
  return withCode(new TypeError(message), 'ERR_INVALID_ARG_VALUE')
}

/** A number that does not fit. `range` reads on after "It must be". */
export function outOfRange(name: string, range: string, received: unknown): RangeError {
  const message = `The value of "${name}" is out of range. It must be ${range}. Received ${describe(received)}`
  return withCode(new RangeError(message), 'ERR_OUT_OF_RANGE')
}

export function withCode<E extends Error>(error: E, code: string): E & { code: string } {
  return Object.assign(error, { code })
}

function describe(value: unknown): string {
  if (typeof value === 'function') return `function ${value.name}`
  if (typeof value === 'object' && value !== null && !isPlain(value)) {
    return `an instance of ${value.constructor?.name ?? 'an unnamed class'}`
  }
  const text = inspect(value, { depth: 0, breakLength: Infinity, maxStringLength: 60 })
  if (typeof value === 'object' || value === undefined) return text
  return `type ${typeof value} (${text})`
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || prototype === Object.prototype || prototype === Array.prototype
}

/** A failed listen, in the words that Node has for its own: `listen EADDRINUSE: address already in use :::80`. */
export function listenError(errno: number, address: string, port?: number): SocketOptionError {
  const code = names.get(-errno) ?? `E${-errno}`
  const description = descriptions.get(code) ?? code
  const where = addressText({ address, ...(port !== undefined && { port }) })
  const error = new Error(`listen ${code}: ${description} ${where}`)
  return Object.assign(error, {
    code,
    errno,
    syscall: 'listen',
    address,
    ...(port !== undefined && { port }),
  })
}

/** What Node's own functions reject with when their signal aborts. */
export function abortError(signal: AbortSignal): Error & { code: string } {
  const error = new Error('The operation was aborted', { cause: signal.reason })
  error.name = 'AbortError'
  return withCode(error, 'ABORT_ERR')
}

export function checkNotAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw abortError(signal)
}
