import { area, native } from './binding.js'
import type { Codec } from './codec/codec.js'
import { checkInteger } from './arguments.js'
import { errnoOf, invalidType, invalidValue, outOfRange, systemError } from './errors.js'
import { type IoctlRow, ioctlTable, refusalOf } from './ioctls.js'
import { platform, platformNames } from './platform.js'
import { applyNowOrLater, isPending } from './pending.js'
import { answerLength, checkResult, optionOfRequest, send } from './request.js'
import { openSocketOf, socketOf, type SocketTarget } from './target.js'

type Table = typeof ioctlTable

/** The name of an ioctl request, as C spells it. */
export type IoctlName = keyof Table

/** What `ioctl` takes for a name; never for a request that takes nothing. */
export type IoctlInput<Name extends IoctlName> =
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- only the other half is inferred
  Table[Name] extends { input: Codec<infer Value, any> } ? Value : never

/** What `ioctl` returns for a name; undefined for a request that only sets. */
export type IoctlValue<Name extends IoctlName> =
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- only the other half is inferred
  Table[Name] extends { value: Codec<any, infer Value> } ? Value : undefined

type Arguments<Name extends IoctlName> = Table[Name] extends { input: unknown }
  ? [input: IoctlInput<Name>]
  : []

/**
 * One `ioctl(2)` request on a socket; on Windows, `WSAIoctl`.
 *
 * - **By name:** a request of {@link ioctls}, with a typed input where it takes one and a typed answer where
 *   it gives one: `ioctl(socket, 'SIOCOUTQ')` is the number of bytes that the peer has not acknowledged.
 *   The input is checked before the call; nothing is rounded or cut to fit.
 * - **By number:** the system's argument as bytes: `input` in, a Buffer of `outputLength` bytes out; on
 *   Windows of as many as the system wrote.
 * - **Platforms:** per request, see `docs/options.md`; one that this system lacks is `ENOPROTOOPT`, one that
 *   Windows lacks in this version or for this socket `EOPNOTSUPP`.
 * - **Errors:** as for `getOption`. What is no socket is `ENOTSOCK`, since a request means something else
 *   on a file or terminal.
 * - **When:** on an open socket. On one that still connects, a request that only sets is kept and sent as
 *   {@link setOption} does it.
 * - **Source:** `ioctl(2)`, `tcp(7)` (ioctls), Winsock `WSAIoctl` and Winsock IOCTLs.
 *
 * A request by number goes to the kernel as it is: one that changes the system (`SIOCSIFFLAGS`) does so,
 * and a pointer within `input` is followed. On Windows those are refused that wait for something to happen
 * (`SIO_ADDRESS_LIST_CHANGE`), which would block the event loop, and those that answer with a pointer
 * (`SIO_GET_EXTENSION_FUNCTION_POINTER`).
 *
 * @example
 * import net from 'node:net'
 * import { ioctl } from 'net-sockopt'
 *
 * const server = net.createServer((socket) => socket.destroy()).listen(0, () => {
 *   const socket = net.connect(server.address().port, () => {
 *     console.log(ioctl(socket, 'FIONREAD')) // bytes that can be read
 *     socket.destroy()
 *     server.close()
 *   })
 * })
 */
export function ioctl<Name extends IoctlName>(
  target: SocketTarget,
  request: Name,
  ...input: Arguments<Name>
): IoctlValue<Name>
export function ioctl(
  target: SocketTarget,
  request: number,
  input?: Uint8Array,
  outputLength?: number,
): Buffer
export function ioctl(
  target: SocketTarget,
  request: IoctlName | number,
  input?: unknown,
  outputLength?: number,
): unknown {
  if (typeof request === 'string') return ioctlByName(target, request, input)
  return ioctlByNumber(target, request, input, outputLength)
}

function ioctlByNumber(
  target: SocketTarget,
  request: number,
  input: unknown = new Uint8Array(),
  outputLength = 0,
): Buffer {
  checkInteger('request', request, 'request', 0, 2 ** 32 - 1)
  const refusal = refusalOf(platform, request)
  if (refusal !== undefined) throw invalidValue('request', request, refusal)
  if (!(input instanceof Uint8Array)) throw invalidType('input', 'a Uint8Array', input)
  checkInteger('outputLength', outputLength, 'bytes', 0, area.bytes.length)
  if (input.length > area.bytes.length) {
    throw outOfRange('input.length', `at most ${area.bytes.length} (bytes)`, input.length)
  }
  const socket = openSocketOf(target)
  area.bytes.fill(0)
  area.bytes.set(input)
  const result = native.ioctl(socket, request, input.length, outputLength)
  checkResult(result, `request 0x${request.toString(16)}`)
  return Buffer.from(area.bytes.slice(0, answerLength(outputLength, result)).buffer)
}

function ioctlByName(target: SocketTarget, name: string, input: unknown): unknown {
  if (!Object.hasOwn(ioctlTable, name)) {
    throw invalidValue('request', name, 'is not a request that net-sockopt knows')
  }
  const row: IoctlRow = ioctlTable[name as IoctlName]
  if (row.numbers[platform] === undefined) {
    const hint = `${platformNames[platform]} has no such request`
    throw systemError(errnoOf('ENOPROTOOPT'), 'ioctl', { option: name, hint })
  }
  const checked = checkInput(row, name, input)
  if (row.input === undefined || row.value !== undefined || !isPending(target, socketOf(target))) {
    return send(openSocketOf(target), name, row, checked)
  }
  const option = optionOfRequest(name, { ...row, input: row.input })
  applyNowOrLater(target, [{ option, checked }])
  return undefined
}

function checkInput({ input: codec }: IoctlRow, name: string, input: unknown): unknown {
  if (codec !== undefined) return codec.on(platform).check(input, 'input')
  if (input !== undefined)
    throw invalidValue('input', input, `must be left out: ${name} takes none`)
  return undefined
}
