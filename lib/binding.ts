/**
 * The only file that knows a .node file exists. Native functions return >= 0 or a negated system error;
 * they never throw. Short values travel in an area of memory that both sides share.
 */
import { createRequire } from 'node:module'
import { arch, platform, version, versions } from 'node:process'
import { fileURLToPath } from 'node:url'
import type { Area } from './codec/codec.js'
import { outOfRange, withCode } from './errors.js'

/**
 * native/watcher.cc: tells when a socket can be read. Never keeps the process alive by itself. Its descriptor
 * is its own, and closed with it.
 */
export interface Watcher {
  start(): number
  stop(): number
  close(): number
}

/** native/binding.cc. */
interface Binding {
  readonly area: ArrayBuffer
  /** Where the area is, for values that hold a pointer. */
  readonly areaAddress: bigint
  getBytes(socket: number, level: number, option: number, value: Uint8Array): number
  setBytes(socket: number, level: number, option: number, value: Uint8Array): number
  /** Gets or sets the options that the area describes (lib/batch.ts); nothing when all is well. */
  getBatch(): number | undefined
  setBatch(): number | undefined
  /**
   * The area's first `inputLength` bytes go in, at most `outputLength` bytes of the answer come back to its
   * beginning. Windows: how many the system wrote; POSIX: what ioctl(2) returned.
   */
  ioctl(socket: number, request: number, inputLength: number, outputLength: number): number
  open(family: number, type: number, protocol: number): number
  bind(socket: number, address: Uint8Array): number
  listen(socket: number, backlog: number): number
  /** The next waiting connection, or a negated error. */
  accept(listener: number): number
  /** By the system's own number. */
  connectionState(socket: number): number
  /** Bits of {@link peerState}, or a negated error. */
  peerState(socket: number): number
  duplicate(socket: number): number
  /** A descriptor of ours for one of another process. */
  borrow(pid: number, descriptor: number): number
  disconnect(socket: number): number
  close(socket: number): number
  readonly Watcher: new (socket: number, onReadable: () => void) => Watcher
  getAcceptQueue(socket: number): number
  /** native/find-socket.cc: the socket of the handle whose ref state `toggle` switches. */
  findSocket(toggle: () => void): number
}

/** Node's permission model (or --no-addons), and Deno's, which has no code for it. */
function isForbidden(cause: unknown): boolean {
  const { code, name } = cause as { code?: string; name?: string }
  return code === 'ERR_DLOPEN_DISABLED' || name === 'NotCapable'
}

function load(): Binding {
  const require = createRequire(import.meta.url)
  const root = fileURLToPath(new URL('..', import.meta.url))
  try {
    return (require('node-gyp-build') as (root: string) => Binding)(root)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    if (isForbidden(cause)) {
      const message =
        'net-sockopt needs an addon, and this process may not load any: allow it with --allow-addons (Node, ' +
        `beside --permission), or with --allow-ffi and --allow-env (Deno). ${reason}`
      throw withCode(new Error(message, { cause }), 'ERR_DLOPEN_DISABLED')
    }
    const message =
      `net-sockopt has no binary that loads in Node ${version} (${platform}-${arch}, Node-API ${versions.napi}). ` +
      `Looked for prebuilds/${platform}-${arch}/*.node and build/Release/*.node in ${root}. ` +
      `Build one with "npm rebuild net-sockopt --foreground-scripts" (needs a C++ compiler). ${reason}`
    throw withCode(new Error(message, { cause }), 'ERR_DLOPEN_FAILED')
  }
}

export const native = load()

/** kAreaSize in native/binding.cc. */
const areaSize = native.area.byteLength

/** Pointees grow from the area's end towards its beginning, where the values are. */
let pointeesAt = areaSize
let valuesEnd = 0

export const area: Area = {
  view: new DataView(native.area),
  bytes: new Uint8Array(native.area),
  ints: new Int32Array(native.area),
  address: native.areaAddress,
  pointTo(pointee) {
    const at = pointeesAt - Math.ceil(pointee.length / 8) * 8
    if (at < valuesEnd) throw tooMuch()
    area.bytes.set(pointee, at)
    pointeesAt = at
    return native.areaAddress + BigInt(at)
  },
}

/** The same memory, for the descriptor at its beginning. */
export const doubles = new Float64Array(native.area)

/** Forgets what the last call's values pointed to. */
export function releasePointees(): void {
  pointeesAt = areaSize
}

/** Throws unless values up to `end` leave the pointees alone. */
export function claimArea(end: number): void {
  if (end > pointeesAt) throw tooMuch()
  valuesEnd = end
}

function tooMuch(): Error {
  return outOfRange('options.length', 'few enough for one call', areaSize)
}

/** What has become of a peer: native/socket.h. */
export const peerState = { ended: 1, reset: 2, hasData: 4 } as const
