import { area, native } from './binding.js'
import type { Codec } from './codec/codec.js'
import { checkInteger } from './arguments.js'
import { errnoOf, invalidType, invalidValue, outOfRange, systemError } from './errors.js'
import { type IoctlRow, ioctlTable } from './ioctls.js'
import { platform, platformNames } from './platform.js'
import { openSocketOf, type SocketTarget } from './target.js'

/** The name of an ioctl request, as C spells it. */
export type IoctlName = keyof typeof ioctlTable

/** What `ioctl` returns for a name. */
export type IoctlValue<Name extends IoctlName> =
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- only the other half is inferred
  (typeof ioctlTable)[Name]['value'] extends Codec<any, infer Value> ? Value : never

/**
 * One `ioctl(2)` request on a socket.
 *
 * - **By name:** a request of {@link ioctls}, with a typed answer: `ioctl(socket, 'SIOCOUTQ')` is the number
 *   of bytes that the peer has not acknowledged.
 * - **By number:** the kernel's argument as bytes: `input` in, a Buffer of `outputLength` bytes out.
 * - **Platforms:** per request; one that this system lacks is `ENOPROTOOPT`.
 * - **Errors:** as for `getOption`. What is no socket is `ENOTSOCK`, since a request means something else
 *   on a file or terminal.
 * - **When:** on an open socket.
 * - **Source:** `ioctl(2)`, `tcp(7)` (ioctls), Winsock `WSAIoctl`.
 *
 * A request by number goes to the kernel as it is: one that changes the system (`SIOCSIFFLAGS`) does so,
 * and a pointer within `input` is followed.
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
export function ioctl<Name extends IoctlName>(target: SocketTarget, request: Name): IoctlValue<Name>
export function ioctl(
  target: SocketTarget,
  request: number,
  input?: Uint8Array,
  outputLength?: number,
): Buffer
export function ioctl(
  target: SocketTarget,
  request: IoctlName | number,
  input: Uint8Array = new Uint8Array(),
  outputLength = 0,
): unknown {
  if (typeof request === 'string') return ioctlByName(target, request)
  checkInteger('request', request, 'request', 0, 2 ** 32 - 1)
  if (!(input instanceof Uint8Array)) throw invalidType('input', 'a Uint8Array', input)
  checkInteger('outputLength', outputLength, 'bytes', 0, area.bytes.length)
  if (input.length > area.bytes.length) {
    throw outOfRange('input.length', `at most ${area.bytes.length} (bytes)`, input.length)
  }
  const socket = openSocketOf(target)
  area.bytes.fill(0)
  area.bytes.set(input)
  send(socket, request, input.length, outputLength, `request 0x${request.toString(16)}`)
  return Buffer.from(area.bytes.slice(0, outputLength).buffer)
}

function ioctlByName(target: SocketTarget, name: string): unknown {
  if (!Object.hasOwn(ioctlTable, name)) {
    throw invalidValue('request', name, 'is not a request that net-sockopt knows')
  }
  const row: IoctlRow = ioctlTable[name as IoctlName]
  const request = row.numbers[platform]
  if (request === undefined) {
    const hint = `${platformNames[platform]} has no such request`
    throw systemError(errnoOf('ENOPROTOOPT'), 'ioctl', { option: name, hint })
  }
  const layout = row.value.on(platform)
  const socket = openSocketOf(target)
  area.bytes.fill(0, 0, layout.size)
  send(socket, request, 0, layout.size, name)
  return layout.read(area, 0, layout.size)
}

function send(
  socket: number,
  request: number,
  inputLength: number,
  outputLength: number,
  option: string,
): void {
  const result = native.ioctl(socket, request, inputLength, outputLength)
  if (result < 0) throw systemError(result, 'ioctl', { option })
}
