import { endianness } from 'node:os'
import { checkInteger, checkObject } from '../arguments.js'
import { invalidType, outOfRange } from '../errors.js'
import { type Area, type Codec, everywhere, type Layout, perPlatform } from './codec.js'

/** The byte order of this machine, as DataView wants it. */
export const littleEndian = endianness() === 'LE'

const int32Max = 2 ** 31 - 1
const uint32Max = 2 ** 32 - 1

function int32(unit: string): Layout<number> {
  return {
    plain: 'int',
    size: 4,
    check(value, name) {
      checkInteger(name, value, unit, -(2 ** 31), int32Max)
      return value
    },
    write(area, at, value: number) {
      area.view.setInt32(at, value, littleEndian)
      return 4
    },
    read(area, at, length) {
      // Windows documents 4 bytes and may write fewer; the area was zeroed before.
      return length === 0 ? 0 : area.view.getInt32(at, littleEndian)
    },
  }
}

/** An `int`. */
export function int(unit: string): Codec<number> {
  return everywhere(unit, int32(unit))
}

/** An `unsigned int` or `DWORD`. */
export function unsigned(unit: string): Codec<number> {
  return everywhere(unit, {
    plain: 'unsigned',
    size: 4,
    check(value, name) {
      checkInteger(name, value, unit, 0, uint32Max)
      return value
    },
    write(area, at, value: number) {
      area.view.setUint32(at, value, littleEndian)
      return 4
    },
    read(area, at, length) {
      return length === 0 ? 0 : area.view.getUint32(at, littleEndian)
    },
  })
}

function byteLayout(unit: string): Layout<number> {
  return {
    size: 1,
    check(value, name) {
      checkInteger(name, value, unit, 0, 255)
      return value
    },
    write(area, at, value: number) {
      area.view.setUint8(at, value)
      return 1
    },
    read(area, at) {
      return area.view.getUint8(at)
    },
  }
}

/** An `int` on Linux and Windows, a `u_char` on macOS (`ip(4)`). */
export function byteOnDarwin(unit: string): Codec<number> {
  const wide = int32(unit)
  return perPlatform(unit, { linux: wide, darwin: byteLayout(unit), win32: wide })
}

/** A `u_char`. */
export function byte(unit: string): Codec<number> {
  return everywhere(unit, byteLayout(unit))
}

/** A `u_short`. */
export function short(unit: string): Codec<number> {
  return everywhere(unit, {
    size: 2,
    check(value, name) {
      checkInteger(name, value, unit, 0, 65535)
      return value
    },
    write(area, at, value: number) {
      area.view.setUint16(at, value, littleEndian)
      return 2
    },
    read(area, at) {
      return area.view.getUint16(at, littleEndian)
    },
  })
}

/** An interface index, which most IPv4 calls keep in network byte order (`ip(7)`, Winsock's `IP_UNICAST_IF`). */
function interfaceIndexLayout(networkOrder: boolean): Layout<number> {
  return {
    size: 4,
    check(value, name) {
      checkInteger(name, value, 'interface index', 0, int32Max)
      return value
    },
    write(area, at, value: number) {
      area.view.setUint32(at, value, networkOrder ? false : littleEndian)
      return 4
    },
    read(area, at) {
      return area.view.getUint32(at, networkOrder ? false : littleEndian)
    },
  }
}

/** `IP_UNICAST_IF`: network byte order on Linux and Windows. */
export const interfaceIndexIPv4 = everywhere('interface index', interfaceIndexLayout(true))

/** `IPV6_UNICAST_IF`: network byte order on Linux, host order on Windows. */
export const interfaceIndexIPv6 = perPlatform('interface index', {
  linux: interfaceIndexLayout(true),
  darwin: interfaceIndexLayout(false),
  win32: interfaceIndexLayout(false),
})

/** The ports of `IP_LOCAL_PORT_RANGE` (ip(7)). 0: the bound of the system's own range. */
export interface PortRange {
  lo: number
  hi: number
}

/** A `u32`, the lower port in its lower half. */
export const portRange: Codec<PortRange> = everywhere('{ lo, hi } (ports)', {
  size: 4,
  check(value, name) {
    checkObject(name, value, 'lo, hi')
    const { lo, hi } = value
    checkInteger(`${name}.lo`, lo, 'port', 0, 65535)
    checkInteger(`${name}.hi`, hi, 'port', 0, 65535)
    return hi * 65536 + lo
  },
  write(area, at, both: number) {
    area.view.setUint32(at, both, littleEndian)
    return 4
  },
  read(area, at) {
    const both = area.view.getUint32(at, littleEndian)
    return { lo: both & 0xffff, hi: both >>> 16 }
  },
})

/** A 64-bit number. Written from a bigint or a whole number, always read as a bigint. */
export function unsigned64(unit: string): Codec<bigint | number, bigint> {
  return everywhere<bigint | number, bigint>(unit, {
    size: 8,
    check(value, name) {
      if (typeof value !== 'bigint' && !Number.isInteger(value)) {
        throw typeof value === 'number'
          ? outOfRange(name, `a whole number (${unit})`, value)
          : invalidType(name, `a bigint or a number (${unit})`, value)
      }
      const wide = BigInt(value)
      if (wide < 0n || wide > 2n ** 64n - 1n) {
        throw outOfRange(name, `>= 0 and <= 2^64 - 1 (${unit})`, value)
      }
      return wide
    },
    write(area, at, wide: bigint) {
      area.view.setBigUint64(at, wide, littleEndian)
      return 8
    },
    read(area, at, length) {
      return length === 4
        ? BigInt(area.view.getUint32(at, littleEndian))
        : area.view.getBigUint64(at, littleEndian)
    },
  })
}

const switchLayouts = (onDarwin: Layout<boolean>, elsewhere: Layout<boolean>) =>
  perPlatform('boolean', { linux: elsewhere, darwin: onDarwin, win32: elsewhere })

function switchOf(size: 1 | 4): Layout<boolean> {
  return {
    ...(size === 4 && { plain: 'switch' }),
    size,
    check(value, name) {
      if (typeof value !== 'boolean') throw invalidType(name, 'of type boolean', value)
      return value
    },
    write(area, at, value: boolean) {
      if (size === 1) area.view.setUint8(at, Number(value))
      else area.view.setInt32(at, Number(value), littleEndian)
      return size
    },
    // Any byte: macOS answers with the flag's own bit (SO_KEEPALIVE is 8), Windows may write 1 byte.
    read: isAnyByteSet,
  }
}

function isAnyByteSet(area: Area, at: number, length: number): boolean {
  for (let i = at; i < at + length; i++) if (area.bytes[i] !== 0) return true
  return false
}

/** A switch: `int` or `BOOL`. */
export const bool = everywhere('boolean', switchOf(4))

/** A switch that macOS keeps in a `u_char`. */
export const boolByteOnDarwin = switchLayouts(switchOf(1), switchOf(4))

export const bytes = int('bytes')
export const count = int('count')
export const seconds = int('seconds')
export const milliseconds = unsigned('milliseconds')
export const microseconds = int('microseconds')
