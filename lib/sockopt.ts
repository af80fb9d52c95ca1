/** One option, several options, and the raw calls below them. */
import { applyEntries, checkedValue, entriesOf, getAll, getOne, getRaw, setOne } from './batch.js'
import { native } from './binding.js'
import { checkInteger } from './arguments.js'
import { copyOf, rawBytes } from './codec/text.js'
import { invalidType, systemError } from './errors.js'
import type {
  OptionValue,
  OptionValues,
  ReadableOption,
  SettableValue,
  WritableOption,
} from './option-types.js'
import { applyNowOrLater, isPending } from './pending.js'
import { platform } from './platform.js'
import { lookUp, type Option, optionOf } from './resolve.js'
import { openSocketOf, socketOf, type SocketTarget } from './target.js'

/**
 * Sets one socket option: `setsockopt(2)` with the option's name, and its value in the kernel's own unit.
 *
 * - **Value:** what {@link options} says for the name; `TCP_KEEPIDLE` is seconds, `TCP_USER_TIMEOUT`
 *   milliseconds. Checked before the call: nothing is rounded or cut to fit.
 * - **Platforms:** per option, see `docs/options.md`; one that this system lacks is `ENOPROTOOPT`.
 * - **When:** at once on an open socket. On one that still connects it is kept and set as soon as there is
 *   a descriptor, before `connect(2)` for TCP; if the kernel then refuses it, the socket is destroyed with
 *   that error.
 * - **Errors:** `TypeError`/`RangeError` for wrong arguments; `ERR_SOCKET_CLOSED`, `ERR_SOCKET_NOT_OPEN`,
 *   `ERR_SOCKET_SHARED`; the system's own (`EINVAL`, `EPERM`, `ENOTSOCK` ...) as {@link SocketOptionError}.
 * - **Source:** `setsockopt(2)`, `socket(7)`, `tcp(7)`, `ip(7)`, `ipv6(7)`.
 *
 * @example
 * import net from 'node:net'
 * import { setOption } from 'net-sockopt'
 *
 * const server = net.createServer().listen(0, () => {
 *   setOption(server, 'TCP_DEFER_ACCEPT', 5) // seconds
 *   server.close()
 * })
 */
export function setOption<Name extends WritableOption>(
  target: SocketTarget,
  name: Name,
  value: SettableValue<Name>,
): void {
  const option = lookUp(name, 'set')
  const checked = checkedValue(option, value)
  const socket = socketOf(target)
  if (isPending(target, socket)) applyNowOrLater(target, [{ option, checked }])
  else setOne(socket, option, checked)
}

/**
 * Reads one socket option: `getsockopt(2)` with the option's name.
 *
 * - **Value:** what the kernel keeps, which may differ from what was set: Linux doubles `SO_RCVBUF`,
 *   rounds `TCP_DEFER_ACCEPT` up.
 * - **Platforms, errors:** as for {@link setOption}. A socket that is not connected yet is
 *   `ERR_SOCKET_NOT_OPEN`.
 * - **Source:** `getsockopt(2)`.
 *
 * @example
 * import net from 'node:net'
 * import { getOption } from 'net-sockopt'
 *
 * const server = net.createServer().listen(0, () => {
 *   console.log(getOption(server, 'SO_RCVBUF')) // bytes
 *   server.close()
 * })
 */
export function getOption<Name extends ReadableOption>(
  target: SocketTarget,
  name: Name,
): OptionValue<Name> {
  const option = lookUp(name, 'get')
  return getOne(openSocketOf(target), option) as OptionValue<Name>
}

/**
 * Sets several options in one crossing into native code, in the order of the object's keys. All values are
 * checked before the first call. The first option that the kernel refuses ends it: the error's `option`
 * names it, its `applied` lists those that were set before.
 *
 * Everything else is as for {@link setOption}.
 *
 * @example
 * import net from 'node:net'
 * import { setOptions } from 'net-sockopt'
 *
 * const server = net.createServer().listen(0, () => {
 *   setOptions(server, { TCP_NODELAY: true, TCP_KEEPIDLE: 60, SO_RCVBUF: 65536 })
 *   server.close()
 * })
 */
export function setOptions(target: SocketTarget, values: OptionValues): void {
  const entries = entriesOf(values)
  const socket = socketOf(target)
  if (isPending(target, socket)) applyNowOrLater(target, entries)
  else applyEntries(socket, entries)
}

/**
 * Reads several options in one crossing into native code.
 *
 * Everything else is as for {@link getOption}; the first option that the kernel refuses is named by the
 * error.
 *
 * @example
 * import net from 'node:net'
 * import { getOptions } from 'net-sockopt'
 *
 * const server = net.createServer().listen(0, () => {
 *   console.log(getOptions(server, ['SO_RCVBUF', 'SO_SNDBUF', 'TCP_NODELAY']))
 *   server.close()
 * })
 */
export function getOptions<Name extends ReadableOption>(
  target: SocketTarget,
  names: readonly Name[],
): { [N in Name]: OptionValue<N> } {
  if (!Array.isArray(names)) throw invalidType('names', 'an array of option names', names)
  // Not names.map(), which passes over holes.
  const options: Option[] = []
  for (const name of names) options.push(lookUp(name, 'get'))
  return getAll(openSocketOf(target), options) as { [N in Name]: OptionValue<N> }
}

/**
 * Raw `getsockopt(2)`: any level and option number, the kernel's bytes as they are.
 *
 * - **Value:** a Buffer with what the kernel wrote, at most `length` bytes.
 * - **Errors:** the system's own; arguments that are no whole numbers are `RangeError`s.
 * - **Source:** `getsockopt(2)`, Winsock `getsockopt`.
 *
 * @example
 * import net from 'node:net'
 * import { getsockopt } from 'net-sockopt'
 *
 * const server = net.createServer().listen(0, () => {
 *   const SOL_SOCKET = 1, SO_TYPE = 3 // Linux
 *   console.log(getsockopt(server, SOL_SOCKET, SO_TYPE, 4))
 *   server.close()
 * })
 */
export function getsockopt(
  target: SocketTarget,
  level: number,
  option: number,
  length: number,
): Buffer {
  checkNumbers(level, option)
  checkInteger('length', length, 'bytes', 0, 2 ** 31 - 1)
  const value = getRaw(openSocketOf(target), level, option, length)
  if (typeof value !== 'number') return value
  throw systemError(value, 'getsockopt', { option: rawName(level, option) })
}

/**
 * Raw `setsockopt(2)`: any level and option number; a number is an `int`, a `Uint8Array` the bytes as they
 * are.
 *
 * - **Errors:** the system's own; `TypeError`/`RangeError` for a value that is neither.
 * - **Source:** `setsockopt(2)`, Winsock `setsockopt`.
 *
 * @example
 * import net from 'node:net'
 * import { setsockopt } from 'net-sockopt'
 *
 * const server = net.createServer().listen(0, () => {
 *   const IPPROTO_TCP = 6, TCP_NODELAY = 1
 *   setsockopt(server, IPPROTO_TCP, TCP_NODELAY, 1)
 *   server.close()
 * })
 */
export function setsockopt(
  target: SocketTarget,
  level: number,
  option: number,
  value: number | Uint8Array,
): void {
  checkNumbers(level, option)
  const bytes = rawValue(value)
  const socket = socketOf(target)
  if (isPending(target, socket)) {
    applyNowOrLater(target, [{ option: rawOption(level, option, bytes.length), checked: bytes }])
    return
  }
  const result = native.setBytes(socket, level, option, bytes)
  if (result < 0) throw systemError(result, 'setsockopt', { option: rawName(level, option) })
}

/** A row for an option that the table need not know. */
function rawOption(level: number, number: number, length: number): Option {
  const name = rawName(level, number)
  const row = { level: 'SOL_SOCKET', value: rawBytes(length), about: '' } as const
  return optionOf(row, row.value.on(platform), { name, nativeName: name, level, number })
}

function rawValue(value: unknown): Uint8Array {
  if (value instanceof Uint8Array) return copyOf(value)
  if (typeof value !== 'number') throw invalidType('value', 'a number or a Uint8Array', value)
  // Signed or unsigned, the bytes are the same.
  checkInteger('value', value, 'int', -(2 ** 31), 2 ** 32 - 1)
  return new Uint8Array(Int32Array.of(value | 0).buffer)
}

function checkNumbers(level: number, option: number): void {
  checkInteger('level', level, 'int', -(2 ** 31), 2 ** 32 - 1)
  checkInteger('option', option, 'int', -(2 ** 31), 2 ** 32 - 1)
}

function rawName(level: number, option: number): string {
  return `level ${level} option ${option}`
}
