import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { getOption, type WritableOption } from '../../lib/index.js'
import { platform } from '../../lib/platform.js'
import { commandExists } from '../support/commands.js'
import { type Kind, socketOfKind } from '../support/kinds.js'
import { descriptorOf, python } from '../support/python.js'
import * as untyped from '../support/untyped.js'
import { isRoot, isSupported } from '../support/untyped.js'
import type net from 'node:net'

/** An option, how Python sees it, and how Python sets it: with its own names and its own struct module. */
interface Observation {
  name: WritableOption
  kind: Kind
  ours: unknown
  /** An expression of Python's that reads it, and what it is then. */
  read: string
  theirs: unknown
  /** A statement of Python's that sets it, and what we read then. */
  write: string
  written: unknown
  root?: true
}

function number(
  name: WritableOption,
  constants: string,
  ours: unknown,
  value: number,
  written: unknown = value,
  kind: Kind = 'tcp',
): Observation {
  const read = `s.getsockopt(${constants})`
  const write = `s.setsockopt(${constants}, ${value})`
  return { name, kind, ours, read, theirs: Number(ours), write, written }
}

/** One that is not reno, if anyone may choose it. */
const otherCongestion = congestionControls().find((name) => name !== 'reno') ?? 'reno'

function congestionControls(): string[] {
  const file = '/proc/sys/net/ipv4/tcp_allowed_congestion_control'
  return existsSync(file) ? readFileSync(file, 'utf8').trim().split(/\s+/) : []
}

const observations: Observation[] = [
  number('TCP_KEEPIDLE', 'socket.IPPROTO_TCP, socket.TCP_KEEPIDLE', 77, 78),
  number('TCP_KEEPINTVL', 'socket.IPPROTO_TCP, socket.TCP_KEEPINTVL', 77, 78),
  number('TCP_KEEPCNT', 'socket.IPPROTO_TCP, socket.TCP_KEEPCNT', 7, 8),
  number('TCP_USER_TIMEOUT', 'socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT', 77_000, 78_000),
  number('TCP_NODELAY', 'socket.IPPROTO_TCP, socket.TCP_NODELAY', true, 0, false),
  number('TCP_CORK', 'socket.IPPROTO_TCP, socket.TCP_CORK', true, 0, false),
  number('TCP_SYNCNT', 'socket.IPPROTO_TCP, socket.TCP_SYNCNT', 3, 4),
  number('TCP_LINGER2', 'socket.IPPROTO_TCP, socket.TCP_LINGER2', 7, 8),
  number('TCP_NOTSENT_LOWAT', 'socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT', 16384, 32768),
  number('SO_KEEPALIVE', 'socket.SOL_SOCKET, socket.SO_KEEPALIVE', true, 0, false),
  number('SO_OOBINLINE', 'socket.SOL_SOCKET, socket.SO_OOBINLINE', true, 0, false),
  number('SO_PRIORITY', 'socket.SOL_SOCKET, socket.SO_PRIORITY', 5, 4),
  number('SO_RCVLOWAT', 'socket.SOL_SOCKET, socket.SO_RCVLOWAT', 77, 78),
  number('IP_TOS', 'socket.IPPROTO_IP, socket.IP_TOS', 184, 32),
  number('IP_TTL', 'socket.IPPROTO_IP, socket.IP_TTL', 77, 78),
  number('IPV6_UNICAST_HOPS', 'socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS', 33, 34, 34, 'tcp6'),
  number('IPV6_TCLASS', 'socket.IPPROTO_IPV6, socket.IPV6_TCLASS', 184, 32, 32, 'tcp6'),
  number('SO_BROADCAST', 'socket.SOL_SOCKET, socket.SO_BROADCAST', true, 0, false, 'unboundUdp'),
  number('IP_MULTICAST_TTL', 'socket.IPPROTO_IP, socket.IP_MULTICAST_TTL', 7, 8, 8, 'unboundUdp'),
  number('TCP_FASTOPEN', 'socket.IPPROTO_TCP, socket.TCP_FASTOPEN', 7, 8, 8, 'listener'),
  {
    ...number('SO_MARK', 'socket.SOL_SOCKET, socket.SO_MARK', 77, 78),
    root: true,
  },
  {
    name: 'TCP_DEFER_ACCEPT',
    kind: 'listener',
    ours: 5,
    read: 's.getsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT)',
    theirs: 7,
    write: 's.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 10)',
    written: 15,
  },
  {
    name: 'SO_RCVBUF',
    kind: 'tcp',
    ours: 65_536,
    read: 's.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)',
    theirs: 131_072,
    write: 's.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 40000)',
    written: 80_000,
  },
  {
    name: 'SO_LINGER',
    kind: 'tcp',
    ours: 5,
    read: "list(struct.unpack('ii', s.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8)))",
    theirs: [1, 5],
    write: "s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))",
    written: 0,
  },
  {
    name: 'SO_RCVTIMEO',
    kind: 'tcp',
    ours: { seconds: 3, microseconds: 500_000 },
    read: "list(struct.unpack('ll', s.getsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, 16)))",
    theirs: [3, 500_000],
    write: "s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack('ll', 2, 100000))",
    written: { seconds: 2, microseconds: 100_000 },
  },
  {
    name: 'TCP_CONGESTION',
    kind: 'tcp',
    ours: 'reno',
    read: "s.getsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, 16).rstrip(b'\\0').decode()",
    theirs: 'reno',
    write: `s.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, b'${otherCongestion}')`,
    written: otherCongestion,
  },
  {
    name: 'SO_BINDTODEVICE',
    kind: 'unbound',
    ours: 'lo',
    read: "s.getsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, 16).rstrip(b'\\0').decode()",
    theirs: 'lo',
    write: "s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b'')",
    written: '',
    root: true,
  },
  {
    name: 'IP_MULTICAST_IF',
    kind: 'unboundUdp',
    ours: '127.0.0.1',
    read: 'socket.inet_ntoa(s.getsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, 4))',
    theirs: '127.0.0.1',
    write: "s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton('0.0.0.0'))",
    written: '0.0.0.0',
  },
  {
    // Number 50, in network byte order (ip(7)); Python has no name for it.
    name: 'IP_UNICAST_IF',
    kind: 'unbound',
    ours: 1,
    read: "struct.unpack('!I', s.getsockopt(socket.IPPROTO_IP, 50, 4))[0]",
    theirs: 1,
    write: "s.setsockopt(socket.IPPROTO_IP, 50, struct.pack('!I', 0))",
    written: 0,
  },
  {
    // Number 47: 64 bits.
    name: 'SO_MAX_PACING_RATE',
    kind: 'tcp',
    ours: 2n ** 33n,
    read: "struct.unpack('Q', s.getsockopt(socket.SOL_SOCKET, 47, 8))[0]",
    theirs: 2 ** 33,
    write: "s.setsockopt(socket.SOL_SOCKET, 47, struct.pack('Q', 2 ** 34))",
    written: 2n ** 34n,
  },
  {
    // Number 51: the lower port in the lower half.
    name: 'IP_LOCAL_PORT_RANGE',
    kind: 'unbound',
    ours: { lo: 40_000, hi: 50_000 },
    read: "list(struct.unpack('HH', s.getsockopt(socket.IPPROTO_IP, 51, 4)))",
    theirs: [40_000, 50_000],
    write: "s.setsockopt(socket.IPPROTO_IP, 51, struct.pack('HH', 41000, 51000))",
    written: { lo: 41_000, hi: 51_000 },
  },
]

const canRun = platform === 'linux' && commandExists('python3')

describe.runIf(canRun).each(observations)(
  '$name (needs python3)',
  ({ name, kind, ours, read, theirs, write, written, root }) => {
    const possible = isSupported(name) && (root !== true || isRoot)
    const because = root ? 'needs root: ' : ''
    test.runIf(possible)(
      `${because}Python reads what we set, and we read what Python sets`,
      async () => {
        const socket = (await socketOfKind(kind)) as net.Socket | number
        untyped.setOption(socket, name, ours)
        const program = `print(json.dumps(${read}))\n${write}`
        expect(await python(descriptorOf(socket), program)).toEqual(theirs)
        expect(untyped.getOption(socket, name)).toEqual(written)
      },
    )
  },
)

test.runIf(canRun)('a connection that Python used is still ours (needs python3)', async () => {
  const socket = (await socketOfKind('tcp')) as net.Socket
  await python(descriptorOf(socket), "print('null')")
  expect(getOption(socket, 'TCP_KEEPIDLE')).toBe(7200)
  expect(socket.destroyed).toBe(false)
})
