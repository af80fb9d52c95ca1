import type { Platform } from '../platform.js'

/** Where values lie while the kernel reads or writes them. */
export interface Area {
  readonly view: DataView
  /** The same memory, byte for byte, and as ints of this machine's byte order. */
  readonly bytes: Uint8Array
  readonly ints: Int32Array
  /** Where this memory is, for values with pointers into it. */
  readonly address: bigint
  /**
   * Copies what a value points to behind everything else and returns its address. It stays there until
   * the next call.
   */
  pointTo(bytes: Uint8Array): bigint
}

/** Four bytes that the path of each call writes and reads in place, since a call costs as much as they do. */
export type Plain = 'int' | 'unsigned' | 'switch'

/** How a value lies in memory on one system. */
export interface Layout<In, Out = In> {
  readonly plain?: Plain
  /** Bytes offered to the kernel when it writes. */
  readonly size: number
  /**
   * The value as data of our own, for `write`. Throws if it does not fit; `name` is the option's. Whatever of
   * the caller's runs (a getter, a proxy) runs here, and once: nothing can change or throw afterwards.
   */
  check(value: In, name: string): unknown
  /** Writes what `check` returned at `at`; its length. */
  write(area: Area, at: number, checked: unknown): number
  /** The value in the `length` bytes that the kernel wrote at `at`. */
  read(area: Area, at: number, length: number): Out
}

/** One kind of value, in both directions, on every system. */
export interface Codec<In, Out = In> {
  /** What a number counts, or what the value is: `'seconds'`, `'bytes'`, `'boolean'`. */
  readonly unit: string
  on(platform: Platform): Layout<In, Out>
}

/** A codec with the same layout everywhere. */
export function everywhere<In, Out = In>(unit: string, layout: Layout<In, Out>): Codec<In, Out> {
  return { unit, on: () => layout }
}

/** A codec whose layout each system decides. */
export function perPlatform<In, Out = In>(
  unit: string,
  layouts: Record<Platform, Layout<In, Out>>,
): Codec<In, Out> {
  return { unit, on: (platform) => layouts[platform] }
}

/** A codec of what can only be read. */
export function readOnly<Out>(
  unit: string,
  size: number,
  read: Layout<never, Out>['read'],
): Codec<never, Out> {
  return everywhere<never, Out>(unit, { size, check: () => undefined, write: () => 0, read })
}
