/** IP addresses as text, and as the bytes that `struct sockaddr` and its relatives hold. */
import { isIPv4, isIPv6 } from 'node:net'
import { networkInterfaces } from 'node:os'
import { littleEndian } from './codec/numbers.js'
import type { Platform } from './platform.js'

/** `AF_INET` and `AF_INET6`. The first is 2 everywhere, the second differs. */
export const familyNumbers: Record<Platform, Record<4 | 6, number>> = {
  linux: { 4: 2, 6: 10 },
  darwin: { 4: 2, 6: 30 },
  win32: { 4: 2, 6: 23 },
}

/** The 4 or 16 bytes of an address, in network order; undefined if the text is no address. */
export function addressBytes(text: string): Uint8Array | undefined {
  if (isIPv4(text)) return Uint8Array.from(text.split('.'), Number)
  if (isIPv6(text)) return ipv6Bytes(text.replace(/%.*$/, ''))
  return undefined
}

function ipv6Bytes(text: string): Uint8Array {
  const [head = '', tail] = text.split('::')
  const before = groups(head)
  const after = tail === undefined ? [] : groups(tail)
  const zeros = new Array<number>(8 - before.length - after.length).fill(0)
  return Uint8Array.from(
    [...before, ...zeros, ...after].flatMap((group) => [group >> 8, group & 255]),
  )
}

/** The 16-bit groups of one side of "::"; the last may be written as an IPv4 address. */
function groups(side: string): number[] {
  if (side === '') return []
  return side.split(':').flatMap((group) => {
    if (!isIPv4(group)) return [parseInt(group, 16)]
    const [a = 0, b = 0, c = 0, d = 0] = group.split('.').map(Number)
    return [(a << 8) | b, (c << 8) | d]
  })
}

/** The text of 4 or 16 address bytes, IPv6 in its canonical form (RFC 5952). */
export function addressText(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.')
  const words = Array.from(
    { length: 8 },
    (_, i) => ((bytes[i * 2] ?? 0) << 8) | (bytes[i * 2 + 1] ?? 0),
  )
  const mapped = words.slice(0, 5).every((word) => word === 0) && words[5] === 0xffff
  if (mapped) return `::ffff:${bytes.slice(12).join('.')}`
  const text = words.map((word) => word.toString(16)).join(':')
  // The longest run of two or more zero groups becomes "::".
  const [longest] = (text.match(/\b0(?::0)+\b/g) ?? []).sort((a, b) => b.length - a.length)
  if (longest === undefined) return text
  const at = text.search(new RegExp(`(^|:)${longest}($|:)`))
  const before = text.slice(0, at)
  const after = text.slice(at).replace(new RegExp(`^:?${longest}:?`), '')
  return `${before}::${after}`
}

/** A socket address as text. `scope` is the interface index of a link-local IPv6 address. */
export interface IpEndpoint {
  family: 4 | 6
  address: string
  port: number
  scope?: number
}

/** `struct sockaddr_in` or `sockaddr_in6`. */
export function sockaddrBytes(endpoint: IpEndpoint, platform: Platform): Uint8Array {
  const size = endpoint.family === 4 ? 16 : 28
  const bytes = new Uint8Array(size)
  const view = new DataView(bytes.buffer)
  const family = familyNumbers[platform][endpoint.family]
  if (platform === 'darwin') {
    bytes[0] = size // sa_len, which BSD has and the others do not
    bytes[1] = family
  } else {
    view.setUint16(0, family, littleEndian)
  }
  view.setUint16(2, endpoint.port, false)
  const at = endpoint.family === 4 ? 4 : 8
  bytes.set(addressBytes(endpoint.address) ?? [], at)
  if (endpoint.family === 6) view.setUint32(24, endpoint.scope ?? 0, littleEndian)
  return bytes
}

/** The opposite of {@link sockaddrBytes}; undefined for a family that is not IP, or less than a whole address. */
export function readSockaddr(bytes: Uint8Array, platform: Platform): IpEndpoint | undefined {
  if (bytes.length < 16) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const number = platform === 'darwin' ? bytes[1] : view.getUint16(0, littleEndian)
  const port = view.getUint16(2, false)
  if (number === familyNumbers[platform][4]) {
    return { family: 4, address: addressText(bytes.subarray(4, 8)), port }
  }
  if (number === familyNumbers[platform][6] && bytes.length >= 28) {
    const scope = view.getUint32(24, littleEndian)
    const address = addressText(bytes.subarray(8, 24))
    return { family: 6, address, port, ...(scope !== 0 && { scope }) }
  }
  return undefined
}

/** The interface index behind the `%eth0` or `%2` of a link-local address; 0 without one, undefined if there is no such interface. */
export function scopeOf(address: string): number | undefined {
  const zone = /%(.+)$/.exec(address)?.[1]
  if (zone === undefined) return 0
  if (/^\d+$/.test(zone)) return Number(zone)
  const entries = networkInterfaces()[zone] ?? []
  // Only link-local entries carry the index; global ones say 0.
  return entries.map((entry) => entry.scopeid).find(Boolean)
}
