/** Structs that hold IP addresses. */
import { addressBytes, addressText, readSockaddr, sockaddrBytes } from '../address.js'
import { invalidType, invalidValue, outOfRange } from '../errors.js'
import type { Platform } from '../platform.js'
import { type Codec, everywhere, type Layout, perPlatform, readOnly } from './codec.js'
import { checkInteger, checkObject } from '../arguments.js'
import { bytesOf, put, structs, take } from './structs.js'
import { copyOf } from './text.js'

function addressOf(name: string, value: unknown, family: 4 | 6): Uint8Array {
  if (typeof value !== 'string') throw invalidType(name, `an IPv${family} address as text`, value)
  const bytes = addressBytes(value)
  if (bytes?.length !== (family === 4 ? 4 : 16)) {
    throw invalidValue(name, value, `must be an IPv${family} address`)
  }
  return bytes
}

/** `struct in_addr`. */
export const ipv4Address: Codec<string> = everywhere('IPv4 address', {
  size: 4,
  check(value, name) {
    return addressOf(name, value, 4)
  },
  write(area, at, address: Uint8Array) {
    area.bytes.set(address, at)
    return 4
  },
  read(area, at) {
    return addressText(area.bytes.subarray(at, at + 4))
  },
})

/** `struct ip_mreq` (ip(7)). The interface is one of its addresses; without it the kernel chooses. */
export interface Membership {
  multiaddr: string
  interface?: string
}

function checkMembership(value: Membership, name: string) {
  const group = addressOf(`${name}.multiaddr`, value.multiaddr, 4)
  const local = addressOf(`${name}.interface`, value.interface ?? '0.0.0.0', 4)
  return { group, local }
}

const mreq = structs['struct ip_mreq'].linux

export const membership: Codec<Membership> = everywhere('{ multiaddr, interface? }', {
  size: mreq.size,
  check(value, name) {
    checkObject(name, value, 'multiaddr, interface?')
    return checkMembership(value, name)
  },
  write(area, at, { group, local }: ReturnType<typeof checkMembership>) {
    bytesOf(area, at, mreq.members.imr_multiaddr).set(group)
    bytesOf(area, at, mreq.members.imr_interface).set(local)
    return mreq.size
  },
  read(area, at) {
    const { imr_multiaddr, imr_interface } = mreq.members
    return {
      multiaddr: addressText(bytesOf(area, at, imr_multiaddr)),
      interface: addressText(bytesOf(area, at, imr_interface)),
    }
  },
})

/** `struct ip_mreq_source`: one source of a group. */
export interface SourceMembership extends Membership {
  sourceaddr: string
}

/** Linux has the interface before the source, the others behind it. */
function sourceMembershipLayout(
  struct: (typeof structs)['struct ip_mreq_source'][Platform],
): Layout<SourceMembership> {
  const { imr_multiaddr, imr_interface, imr_sourceaddr } = struct.members
  return {
    size: struct.size,
    check(value, name) {
      checkObject(name, value, 'multiaddr, sourceaddr, interface?')
      const source = addressOf(`${name}.sourceaddr`, value.sourceaddr, 4)
      return { ...checkMembership(value, name), source }
    },
    write(area, at, checked: ReturnType<typeof checkMembership> & { source: Uint8Array }) {
      const { group, local, source } = checked
      bytesOf(area, at, imr_multiaddr).set(group)
      bytesOf(area, at, imr_interface).set(local)
      bytesOf(area, at, imr_sourceaddr).set(source)
      return struct.size
    },
    read(area, at) {
      return {
        multiaddr: addressText(bytesOf(area, at, imr_multiaddr)),
        interface: addressText(bytesOf(area, at, imr_interface)),
        sourceaddr: addressText(bytesOf(area, at, imr_sourceaddr)),
      }
    },
  }
}

export const sourceMembership: Codec<SourceMembership> = perPlatform(
  '{ multiaddr, sourceaddr, interface? }',
  {
    linux: sourceMembershipLayout(structs['struct ip_mreq_source'].linux),
    darwin: sourceMembershipLayout(structs['struct ip_mreq_source'].darwin),
    win32: sourceMembershipLayout(structs['struct ip_mreq_source'].win32),
  },
)

/** `struct ipv6_mreq` (ipv6(7)). Interface 0: the kernel chooses. */
export interface MembershipIPv6 {
  multiaddr: string
  /** Interface index. */
  interface?: number
}

const mreqIPv6 = structs['struct ipv6_mreq'].linux

export const membershipIPv6: Codec<MembershipIPv6> = everywhere('{ multiaddr, interface? }', {
  size: mreqIPv6.size,
  check(value, name) {
    checkObject(name, value, 'multiaddr, interface?')
    const group = addressOf(`${name}.multiaddr`, value.multiaddr, 6)
    const index = value.interface ?? 0
    checkInteger(`${name}.interface`, index, 'interface index', 0, 2 ** 31 - 1)
    return { group, index }
  },
  write(area, at, { group, index }: { group: Uint8Array; index: number }) {
    bytesOf(area, at, mreqIPv6.members.ipv6mr_multiaddr).set(group)
    put(area, at, mreqIPv6.members.ipv6mr_interface, index)
    return mreqIPv6.size
  },
  read(area, at) {
    const { ipv6mr_multiaddr, ipv6mr_interface } = mreqIPv6.members
    return {
      multiaddr: addressText(bytesOf(area, at, ipv6mr_multiaddr)),
      interface: take(area, at, ipv6mr_interface),
    }
  },
})

/** A socket address. */
export interface Endpoint {
  address: string
  port: number
}

/** `struct sockaddr_in6`, the longer one. */
const sockaddrSize = 28

function sockaddrLayout(platform: Platform): Layout<Endpoint> {
  return {
    size: sockaddrSize,
    check(value, name) {
      return endpointBytes(name, value, platform)
    },
    write(area, at, bytes: Uint8Array) {
      area.bytes.set(bytes, at)
      return bytes.length
    },
    read(area, at) {
      // All of it, however little was written: what was not is zero.
      const endpoint = readSockaddr(area.bytes.slice(at, at + sockaddrSize), platform)
      return { address: endpoint?.address ?? '', port: endpoint?.port ?? 0 }
    },
  }
}

/** `struct sockaddr_in` or `sockaddr_in6`. */
export const sockaddr: Codec<Endpoint> = perPlatform('{ address, port }', {
  linux: sockaddrLayout('linux'),
  darwin: sockaddrLayout('darwin'),
  win32: sockaddrLayout('win32'),
})

function endpointBytes(name: string, value: Endpoint, platform: Platform): Uint8Array {
  checkObject(name, value, 'address, port')
  const { address, port } = value
  const length = typeof address === 'string' ? addressBytes(address)?.length : undefined
  const family = length === 16 ? 6 : 4
  addressOf(`${name}.address`, address, family)
  checkInteger(`${name}.port`, port, 'port', 0, 65535)
  return sockaddrBytes({ family, address, port }, platform)
}

/** A key of RFC 2385 for one peer: `struct tcp_md5sig` (linux/tcp.h). An empty key removes it. */
export interface Md5Signature extends Endpoint {
  key: Uint8Array
  /** `TCP_MD5SIG_EXT`: the key is for all peers with these leading bits. */
  prefixLength?: number
}

/** linux/tcp.h: TCP_MD5SIG_FLAG_PREFIX. */
const md5FlagPrefix = 1

const md5Struct = structs['struct tcp_md5sig'].linux

interface CheckedMd5Signature {
  peer: Uint8Array
  key: Uint8Array
  prefixLength: number | undefined
}

const md5Layout: Layout<Md5Signature> = {
  size: md5Struct.size,
  check(value, name) {
    const peer = endpointBytes(name, value, 'linux')
    const { key, prefixLength } = value
    const { tcpm_key } = md5Struct.members
    if (!(key instanceof Uint8Array)) throw invalidType(`${name}.key`, 'a Uint8Array', key)
    if (key.length > tcpm_key[0]) {
      throw outOfRange(`${name}.key.length`, `at most ${tcpm_key[0]} (bytes)`, key.length)
    }
    if (prefixLength !== undefined) {
      checkInteger(`${name}.prefixLength`, prefixLength, 'bits', 0, 255)
    }
    return { peer, key: copyOf(key), prefixLength }
  },
  write(area, at, { peer, key, prefixLength }: CheckedMd5Signature) {
    const { tcpm_addr, tcpm_flags, tcpm_prefixlen, tcpm_keylen, tcpm_key } = md5Struct.members
    area.bytes.fill(0, at, at + md5Struct.size)
    bytesOf(area, at, tcpm_addr).set(peer)
    put(area, at, tcpm_flags, prefixLength === undefined ? 0 : md5FlagPrefix)
    put(area, at, tcpm_prefixlen, prefixLength ?? 0)
    put(area, at, tcpm_keylen, key.length)
    bytesOf(area, at, tcpm_key).set(key)
    return md5Struct.size
  },
  // Write-only: the kernel gives no key away.
  read: () => ({ address: '', port: 0, key: new Uint8Array() }),
}

export const md5Signature: Codec<Md5Signature> = everywhere('{ address, port, key }', md5Layout)

/** The ICMP error that made a connect fail: `ICMP_ERROR_INFO` of Windows. */
export interface IcmpError {
  /** The router or host that sent it. */
  address: string
  /** `IPPROTO_ICMP` (1) or `IPPROTO_ICMPV6` (58). */
  protocol: number
  type: number
  code: number
}

const icmpStruct = structs.ICMP_ERROR_INFO.win32

/** Null: there was none, of which Windows returns no bytes at all. */
export const icmpError = readOnly<IcmpError | null>(
  '{ address, protocol, type, code }, or null for none',
  icmpStruct.size,
  (area, at, length) => {
    if (length === 0) return null
    const { srcaddress, protocol, type, code } = icmpStruct.members
    return {
      address: readSockaddr(bytesOf(area, at, srcaddress), 'win32')?.address ?? '',
      protocol: take(area, at, protocol),
      type: take(area, at, type),
      code: take(area, at, code),
    }
  },
)
