import { invalidType, outOfRange } from '../errors.js'
import { type Codec, everywhere } from './codec.js'

/** A C string in a field of `size` bytes, its end included. */
export function text(size: number): Codec<string> {
  return everywhere('text', {
    size,
    check(value, name) {
      if (typeof value !== 'string') throw invalidType(name, 'of type string', value)
      const encoded = Buffer.from(value, 'utf8')
      if (encoded.length >= size || encoded.includes(0)) {
        throw outOfRange(name, `at most ${size - 1} bytes of text without NUL`, value)
      }
      return encoded
    },
    write(area, at, encoded: Buffer) {
      area.bytes.fill(0, at, at + size)
      area.bytes.set(encoded, at)
      return size
    },
    read(area, at, length) {
      const end = area.bytes.indexOf(0, at)
      const stop = end === -1 || end > at + length ? at + length : end
      return Buffer.from(area.bytes.subarray(at, stop)).toString('utf8')
    },
  })
}

/** Bytes as they are: what has no fixed layout, or one that changes with the kernel. */
export function rawBytes(size: number, allowed?: readonly number[]): Codec<Uint8Array, Buffer> {
  return everywhere<Uint8Array, Buffer>('bytes of the kernel', {
    size,
    check(value, name) {
      if (!(value instanceof Uint8Array)) throw invalidType(name, 'a Uint8Array', value)
      const fits = allowed ? allowed.includes(value.length) : value.length <= size
      if (!fits) {
        const lengths = allowed ? allowed.join(' or ') : `at most ${size}`
        throw outOfRange(`${name}.length`, `${lengths} (bytes)`, value.length)
      }
      return copyOf(value)
    },
    write(area, at, copy: Uint8Array) {
      area.bytes.set(copy, at)
      return copy.length
    },
    read(area, at, length) {
      return Buffer.from(area.bytes.slice(at, at + length).buffer)
    },
  })
}

/** The bytes as they are now. A detached array has none. */
export function copyOf(value: Uint8Array): Uint8Array {
  return value.length === 0 ? new Uint8Array() : Uint8Array.from(value)
}
