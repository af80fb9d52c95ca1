/**
 * Every codec, on every system's column, with values and bytes that nobody thought of. A failure prints the seed
 * with which it can be repeated.
 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Area } from '../../lib/codec/codec.js'
import { platforms } from '../../lib/platform.js'
import { resolve } from '../../lib/resolve.js'

const options = platforms.flatMap((platform) =>
  [...resolve(platform).values()].map((option) => ({ platform, ...option })),
)

const filled = 0xa5
const at = 64

/** Memory in which each byte that is written shows. */
function areaOf(content: Uint8Array = new Uint8Array()): Area {
  const bytes = new Uint8Array(64 * 1024).fill(filled)
  bytes.set(content, at)
  let end = bytes.length
  return {
    bytes,
    address: 0n,
    ints: new Int32Array(bytes.buffer),
    view: new DataView(bytes.buffer),
    pointTo(pointee) {
      end -= Math.ceil(pointee.length / 8) * 8
      bytes.set(pointee, end)
      return BigInt(end)
    },
  }
}

/** What callers pass, rightly or wrongly. */
const anyValue = fc.oneof(
  fc.integer(),
  fc.integer({ min: -2, max: 300 }),
  fc.double(),
  fc.boolean(),
  fc.constant(null),
  fc.bigInt(),
  fc.string(),
  fc.ipV4(),
  fc.ipV6(),
  fc.uint8Array({ maxLength: 100 }),
  fc.array(fc.integer()),
  fc.record(
    {
      group: fc.oneof(fc.ipV4(), fc.ipV6()),
      interface: fc.oneof(fc.nat(), fc.ipV4()),
      source: fc.ipV4(),
    },
    { requiredKeys: [] },
  ),
  fc.anything(),
)

const runs = { numRuns: 60 }

describe.each(options)('$platform $name', ({ name, row, layout, size }) => {
  test.skipIf(row.access === 'get')(
    'takes a value, or says in its own words why not; writes what it says',
    () => {
      fc.assert(
        fc.property(anyValue, (value) => {
          let checked: unknown
          try {
            checked = layout.check(value, name)
          } catch (error) {
            const { code, message } = error as Error & { code?: string }
            expect(code).toMatch(/^ERR_(INVALID_ARG_TYPE|INVALID_ARG_VALUE|OUT_OF_RANGE)$/)
            expect(message).toContain('eceived')
            return
          }
          const area = areaOf()
          const length = layout.write(area, at, checked)
          expect(length).toBeGreaterThanOrEqual(0)
          expect(area.bytes.subarray(0, at).every((byte) => byte === filled)).toBe(true)
          const behind = area.bytes.subarray(at + length, at + length + 32)
          expect(behind.every((byte) => byte === filled)).toBe(true)
        }),
        runs,
      )
    },
  )

  test.skipIf(row.access === 'set')('reads whatever bytes there are, as many as there are', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: size }), (bytes) => {
        // The rest is zero, as the area is before the system writes (GetBatch in native/batch.cc).
        const whole = new Uint8Array(size)
        whole.set(bytes)
        layout.read(areaOf(whole), at, bytes.length)
      }),
      runs,
    )
  })

  test.skipIf(row.access !== undefined)('what it reads it writes, and reads the same again', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: size, maxLength: size }), (bytes) => {
        const value: unknown = layout.read(areaOf(bytes), at, size)
        let checked: unknown
        try {
          checked = layout.check(value, name)
        } catch {
          // The kernel may keep what it would not take.
          return
        }
        const area = areaOf()
        const length = layout.write(area, at, checked)
        expect(layout.read(area, at, length)).toEqual(value)
      }),
      runs,
    )
  })
})
