/**
 * Holds the tables of options and requests against the systems' own headers: writes every number, level and
 * struct layout as a C static_assert and lets a compiler judge. Needs dist/ (npm run build:ts).
 *
 *   node scripts/check-constants.js [--quiet] [--linux=CC] [--darwin=CC] [--win32=CC]
 *
 * The linux column is checked on Linux, darwin on macOS, win32 on Windows if clang is there and elsewhere
 * if mingw-w64 is. A compiler named on the command line checks its column anywhere:
 * --darwin="clang -target arm64-apple-macos13 -isystem ...".
 *
 * C, not C++: the kernel's headers are C, and some do not compile as anything else.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { familyNumbers, sockaddrBytes } from '../dist/address.js'
import { memoryInfo, structs } from '../dist/codec/structs.js'
import { ioctlTable, refusedRequests } from '../dist/ioctls.js'
import { table } from '../dist/options.js'
import { platform } from '../dist/platform.js'
import { resolve } from '../dist/resolve.js'

/** @typedef {import('../dist/platform.js').Platform} Platform */
/** @typedef {{ about: string, condition: string }} Assertion what the compiler's message names, and C */
/** @typedef {{ compiler: string[], headers: string[], newer: Record<string, string> }} Column */

/** @type {Record<Platform, Column>} */
const columns = {
  linux: {
    compiler: platform === 'linux' ? ['g++'] : [],
    headers: [
      // glibc's first: the kernel's then leave out the structs that glibc has defined.
      'sys/ioctl.h',
      'sys/socket.h',
      'sys/time.h',
      'netinet/in.h',
      'linux/in.h',
      'linux/in6.h',
      'linux/tcp.h',
      'linux/udp.h',
      'linux/filter.h',
      'linux/inet_diag.h',
      'linux/net_tstamp.h',
      'linux/sock_diag.h',
      'linux/sockios.h',
      'linux/netfilter_ipv4.h',
      'linux/netfilter_ipv6/ip6_tables.h',
    ],
    newer: {
      SO_INQ: 'asm-generic/socket.h of Linux 6.18',
      SO_PASSPIDFD: 'asm-generic/socket.h of Linux 6.5',
      SO_PASSRIGHTS: 'asm-generic/socket.h of Linux 6.18',
      SO_PEERPIDFD: 'asm-generic/socket.h of Linux 6.5',
      SO_RCVPRIORITY: 'asm-generic/socket.h of Linux 6.18',
      TCP_DELACK_MAX_US: 'linux/tcp.h of Linux 6.18',
      TCP_IS_MPTCP: 'linux/tcp.h of Linux 6.12',
      TCP_RTO_MAX_MS: 'linux/tcp.h of Linux 6.18',
      TCP_RTO_MIN_US: 'linux/tcp.h of Linux 6.18',
    },
  },
  darwin: {
    compiler: platform === 'darwin' ? ['clang++'] : [],
    headers: [
      'sys/ioctl.h',
      'sys/socket.h',
      'sys/time.h',
      'sys/ucred.h',
      'sys/un.h',
      'mach/message.h',
      'netinet/in.h',
      'netinet/tcp.h',
      'netinet/udp.h',
    ],
    newer: {
      SO_BINDTODEVICE: 'sys/socket.h of macOS 15.4',
      TCP_INFO: 'netinet/tcp_private.h of xnu, which no SDK has',
    },
  },
  win32: {
    // clang finds the Windows SDK by itself.
    compiler: platform === 'win32' ? ['clang'] : ['x86_64-w64-mingw32-g++'],
    headers: ['winsock2.h', 'ws2tcpip.h', 'mswsock.h', 'mstcpip.h', 'afunix.h'],
    newer: {
      ICMP_ERROR_INFO: 'ws2ipdef.h of the Windows SDK',
      IP6T_SO_ORIGINAL_DST: 'ws2def.h of the Windows SDK',
      SIO_GET_MULTIPLE_EXTENSION_FUNCTION_POINTER: 'mswsock.h of the Windows SDK',
      SIO_IDEAL_SEND_BACKLOG_CHANGE: 'ws2ipdef.h of the Windows SDK',
      SIO_IDEAL_SEND_BACKLOG_QUERY: 'ws2ipdef.h of the Windows SDK',
      SIO_QUERY_RSS_PROCESSOR_INFO: 'ws2def.h of the Windows SDK',
      SIO_QUERY_WFP_CONNECTION_REDIRECT_CONTEXT: 'mstcpip.h of the Windows SDK',
      SIO_QUERY_WFP_CONNECTION_REDIRECT_RECORDS: 'mstcpip.h of the Windows SDK',
      SIO_SET_WFP_CONNECTION_REDIRECT_RECORDS: 'mstcpip.h of the Windows SDK',
      SIO_UDP_NETRESET: 'mswsock.h of the Windows SDK',
      SOCKET_PROCESSOR_AFFINITY: 'ws2def.h of the Windows SDK',
      SO_BSP_STATE: 'ws2def.h of the Windows SDK',
      SO_COMPARTMENT_ID: 'ws2def.h of the Windows SDK',
      SO_ORIGINAL_DST: 'ws2def.h of the Windows SDK',
      SO_PAUSE_ACCEPT: 'ws2def.h of the Windows SDK',
      SO_PORT_SCALABILITY: 'ws2def.h of the Windows SDK',
      SO_RANDOMIZE_PORT: 'ws2def.h of the Windows SDK',
      SO_REUSE_UNICASTPORT: 'ws2def.h of the Windows SDK',
      TCP_CONGESTION_ALGORITHM: 'ws2ipdef.h of the Windows SDK',
      TCP_DELAY_FIN_ACK: 'ws2ipdef.h of the Windows SDK',
      TCP_FAIL_CONNECT_ON_ICMP_ERROR: 'ws2ipdef.h of the Windows SDK',
      TCP_FASTOPEN: 'ws2ipdef.h of the Windows SDK',
      TCP_ICMP_ERROR_INFO: 'ws2ipdef.h of the Windows SDK',
      TCP_INFO_v2: 'mstcpip.h of the Windows SDK',
      TCP_KEEPCNT: 'ws2ipdef.h of the Windows SDK',
      TCP_KEEPIDLE: 'ws2ipdef.h of the Windows SDK',
      TCP_KEEPINTVL: 'ws2ipdef.h of the Windows SDK',
      TCP_MAXRT: 'ws2ipdef.h of the Windows SDK',
      TCP_MAXRTMS: 'ws2ipdef.h of the Windows SDK',
      TCP_MAXSEG: 'ws2ipdef.h of the Windows SDK',
      TCP_NOSYNRETRIES: 'ws2ipdef.h of the Windows SDK',
      TCP_TIMESTAMPS: 'ws2ipdef.h of the Windows SDK',
      UDP_RECV_MAX_COALESCED_SIZE: 'ws2ipdef.h of the Windows SDK',
      UDP_SEND_MSG_SIZE: 'ws2ipdef.h of the Windows SDK',
    },
  },
}

/** What the headers hide otherwise: struct ucred, the options of RFC 3542, the newest of Windows. */
const defines = `
#define _GNU_SOURCE
#define __APPLE_USE_RFC_3542
#undef _WIN32_WINNT
#define _WIN32_WINNT 0x0a00
#define NTDDI_VERSION 0x0a00000c
`

/**
 * Options whose bytes we hand over as they are: the C type that must fit, or fill, what we offer.
 *
 * @type {Record<Platform, [option: keyof typeof table, type: string, relation: '==' | '<=' ][]>}
 */
const buffers = {
  linux: [
    ['TCP_INFO', 'struct tcp_info', '<='],
    ['TCP_CC_INFO', 'union tcp_cc_info', '<='],
    ['SO_ORIGINAL_DST', 'struct sockaddr_in6', '=='],
    ['IP_ADD_MEMBERSHIP', 'struct ip_mreq', '=='],
    ['IP_MULTICAST_IF', 'struct in_addr', '=='],
  ],
  darwin: [
    ['TCP_CONNECTION_INFO', 'struct tcp_connection_info', '=='],
    ['LOCAL_PEERTOKEN', 'audit_token_t', '=='],
    ['LOCAL_PEERPID', 'pid_t', '=='],
    ['IP_MULTICAST_IF', 'struct in_addr', '=='],
  ],
  win32: [
    ['SO_PROTOCOL_INFOW', 'WSAPROTOCOL_INFOW', '=='],
    ['SO_BSP_STATE', 'struct { CSADDR_INFO info; SOCKADDR_STORAGE addresses[2]; }', '=='],
    ['SO_RCVTIMEO', 'DWORD', '=='],
    ['SO_KEEPALIVE', 'BOOL', '=='],
    ['IP_MULTICAST_IF', 'IN_ADDR', '=='],
  ],
}

/** @type {Record<string, number>} sizes of the scalars in a struct layout; the rest state their size */
const widths = { bool: 1, u8: 1, u16: 2, i32: 4, u32: 4, i64: 8, u64: 8 }

/**
 * All that must hold of one column, by the name that must be known for it.
 *
 * @param {Platform} system
 * @returns {Map<string, Assertion[]>}
 */
function assertionsFor(system) {
  /** @type {Map<string, Assertion[]>} */
  const all = new Map()
  /** @type {Add} */
  const add = (name, about, condition) => {
    const list = all.get(name) ?? []
    if (!list.some((other) => other.condition === condition)) list.push({ about, condition })
    all.set(name, list)
  }

  for (const { name, nativeName, row, level, number } of resolve(system).values()) {
    const levelName = row.levels?.[system] ?? row.level
    add(nativeName, name, `(int)(${nativeName}) == (int)(${number})`)
    add(levelName, levelName, `(int)(${levelName}) == (int)(${level})`)
  }
  for (const [name, number] of requestsOf(system)) {
    add(name, name, `(int)(${name}) == (int)(${number})`)
  }
  for (const [type, platforms] of Object.entries(structs)) {
    const layout = /** @type {import('../dist/codec/structs.js').StructLayout | undefined} */ (
      /** @type {Record<string, unknown>} */ (platforms)[system]
    )
    if (layout === undefined) continue
    add(type, `sizeof ${type}`, `sizeof(${type}) == ${layout.size}`)
    for (const [member, [memberType, offset]] of Object.entries(layout.members)) {
      const width = typeof memberType === 'number' ? memberType : widths[memberType]
      add(type, `${type}.${member}`, `offsetof(${type}, ${member}) == ${offset}`)
      add(type, `${type}.${member}`, `sizeof(((${type} *)0)->${member}) == ${width}`)
    }
  }
  for (const [option, type, relation] of buffers[system]) {
    const { size } = table[option].value.on(system)
    add(type, `bytes of ${option}`, `sizeof(${type}) ${relation} ${size}`)
  }
  addAddresses(system, add)
  if (system === 'linux') addMemoryInfo(add)
  return all
}

/**
 * The ioctl requests of a system, those that are refused among them.
 *
 * @type {(system: Platform) => [name: string, number: number][]}
 */
function requestsOf(system) {
  const rows = Object.entries(
    /** @type {Record<string, import('../dist/ioctls.js').IoctlRow>} */ (ioctlTable),
  )
  const named = rows.map(([name, { numbers }]) => [name, numbers[system]])
  const refused = Object.entries(refusedRequests).map(([name, { number }]) => [name, number])
  const all = system === 'win32' ? [...named, ...refused] : named
  return /** @type {[string, number][]} */ (all.filter(([, number]) => number !== undefined))
}

/** @typedef {(name: string, about: string, condition: string) => void} Add */

/**
 * SO_MEMINFO is an array: read from one that holds its own indices, each member is its index.
 *
 * @param {Add} add
 */
function addMemoryInfo(add) {
  const layout = memoryInfo.on('linux')
  const indices = new Uint32Array(Array.from({ length: layout.size / 4 }, (_, i) => i))
  const area = { view: new DataView(indices.buffer), bytes: new Uint8Array(indices.buffer) }
  const members = layout.read({ ...area, address: 0n, pointTo: () => 0n }, 0, layout.size)
  for (const [member, index] of Object.entries(members)) {
    const name = `SK_MEMINFO_${member.toUpperCase()}`
    add(name, `SO_MEMINFO.${member}`, `${name} == ${index}`)
  }
}

/**
 * struct sockaddr, as lib/address.ts writes it: an address whose parts are all different is written, and
 * the parts are looked for where they turn up.
 *
 * @param {Platform} system
 * @param {Add} add
 */
function addAddresses(system, add) {
  const v4 = sockaddrBytes({ family: 4, address: '1.2.3.4', port: 0x5152 }, system)
  const v6 = sockaddrBytes(
    { family: 6, address: '102:304:506:708:90a:b0c:d0e:f10', port: 0x5152, scope: 0x61626364 },
    system,
  )
  const family = system === 'darwin' ? 1 : 0
  /** @type {(bytes: Uint8Array, part: number[]) => number} */
  const find = (bytes, part) => Buffer.from(bytes).indexOf(Buffer.from(part))
  const scope = [...new Uint8Array(new Uint32Array([0x61626364]).buffer)]
  const sixteen = Array.from({ length: 16 }, (_, i) => i + 1)
  /** @type {[type: string, member: string, offset: number][]} */
  const members = [
    ['struct sockaddr_in', 'sin_family', family],
    ['struct sockaddr_in', 'sin_port', find(v4, [0x51, 0x52])],
    ['struct sockaddr_in', 'sin_addr', find(v4, [1, 2, 3, 4])],
    ['struct sockaddr_in6', 'sin6_family', family],
    ['struct sockaddr_in6', 'sin6_port', find(v6, [0x51, 0x52])],
    ['struct sockaddr_in6', 'sin6_addr', find(v6, sixteen)],
    ['struct sockaddr_in6', 'sin6_scope_id', find(v6, scope)],
  ]
  for (const [type, member, offset] of members) {
    add(type, `${type}.${member}`, `offsetof(${type}, ${member}) == ${offset}`)
  }
  add(
    'struct sockaddr_in',
    'sizeof struct sockaddr_in',
    `sizeof(struct sockaddr_in) == ${v4.length}`,
  )
  add(
    'struct sockaddr_in6',
    'sizeof struct sockaddr_in6',
    `sizeof(struct sockaddr_in6) == ${v6.length}`,
  )
  add('AF_INET', 'AF_INET', `AF_INET == ${v4[family]} && AF_INET == ${familyNumbers[system][4]}`)
  add(
    'AF_INET6',
    'AF_INET6',
    `AF_INET6 == ${v6[family]} && AF_INET6 == ${familyNumbers[system][6]}`,
  )
}

/**
 * @param {string[]} compiler
 * @param {string} source
 * @returns {{ ok: boolean, messages: string }}
 */
function compile(compiler, source) {
  const folder = mkdtempSync(join(tmpdir(), 'net-sockopt-'))
  try {
    const file = join(folder, 'check.c')
    writeFileSync(file, source)
    const [command = '', ...args] = compiler
    const all = /clang/.test(command) ? ['-ferror-limit=0'] : []
    const flags = ['-x', 'c', '-std=gnu11', '-fsyntax-only', ...all]
    const run = spawnSync(command, [...args, ...flags, file], { encoding: 'utf8' })
    if (run.error) throw run.error
    const errors = run.stderr.split('\n').filter((text) => /error/.test(text))
    return { ok: run.status === 0, messages: errors.join('\n') }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** What a compiler calls itself; undefined if it is not installed. */
function versionOf(/** @type {string[]} */ compiler) {
  const [command, ...args] = compiler
  if (command === undefined) return undefined
  const run = spawnSync(command, [...args, '--version'], { encoding: 'utf8' })
  return run.status === 0 ? run.stdout.split('\n')[0] : undefined
}

/** A line of C that a compiler's messages call by the name of what it is about. */
const line = (/** @type {string} */ about, /** @type {string} */ code) =>
  `#line 1 ${JSON.stringify(about)}\n${code}\n`

/**
 * Those of the names that the headers do not know. Macros and enumerators look the same to C, so the
 * compiler is asked with a line for each.
 *
 * @param {string[]} compiler
 * @param {string} prologue
 * @param {string[]} names
 */
function unknownAmong(compiler, prologue, names) {
  // A value is an expression, a struct is not; sizeof takes both.
  const probes = names.map((name, i) => line(name, `enum { probe${i} = sizeof(${name}) };`))
  const { messages } = compile(compiler, prologue + probes.join(''))
  return names.filter((name) => new RegExp(`^${name}:1:.*error`, 'm').test(messages))
}

/**
 * @param {Platform} system
 * @param {string[]} compiler
 * @returns {{ summary: string, infos: string[], errors?: string }}
 */
function check(system, compiler) {
  const version = versionOf(compiler)
  if (version === undefined) {
    const summary = `${system}: not checked, ${compiler.join(' ') || 'its headers are not here'}`
    return { summary: compiler.length > 0 ? `${summary} is not installed` : summary, infos: [] }
  }
  const { headers, newer } = columns[system]
  const includes = ['stddef.h', 'assert.h', ...headers].map((name) => `#include <${name}>\n`)
  const prologue = defines + includes.join('')
  const assertions = assertionsFor(system)
  const listed = Object.keys(newer)
  const unknown = new Set(unknownAmong(compiler, prologue, listed))

  const checked = [...assertions].filter(([name]) => !unknown.has(name))
  const lines = checked.flatMap(([, list]) =>
    list.map(({ about, condition }) => {
      const text = `${system}: ${condition}`.replaceAll('"', '')
      return line(about, `static_assert(${condition}, "${text}");`)
    }),
  )
  const { ok, messages } = compile(compiler, prologue + lines.join(''))

  const types = checked.filter(([, list]) =>
    list.some(({ condition }) => condition.startsWith('sizeof(')),
  )
  const numberCount = checked.length - types.length
  const summary =
    `${system}: ${numberCount} numbers, ${types.length} structs checked against ${version}, ` +
    `${unknown.size} names newer than these headers`
  const infos = [...new Set(Object.values(newer))].flatMap((source) => {
    const names = listed.filter((name) => unknown.has(name) && newer[name] === source)
    return names.length > 0 ? [`from ${source}: ${names.join(', ')}`] : []
  })
  const known = listed.filter((name) => !unknown.has(name))
  if (known.length > 0) infos.push(`on the list, but known here and checked: ${known.join(', ')}`)
  const strange = listed.filter((name) => !assertions.has(name))
  if (strange.length > 0) infos.push(`on the list, but not in the table: ${strange.join(', ')}`)
  return ok ? { summary, infos } : { summary, infos, errors: messages }
}

const options = process.argv.slice(2)
const quiet = options.includes('--quiet')
let failed = false
for (const system of /** @type {Platform[]} */ (Object.keys(columns))) {
  const given = options.find((option) => option.startsWith(`--${system}=`))
  const compiler = given ? given.slice(system.length + 3).split(' ') : columns[system].compiler
  const { summary, infos, errors } = check(system, compiler)
  if (errors !== undefined) {
    failed = true
    console.error(`${system}: the table and the headers disagree\n${errors}`)
    continue
  }
  if (quiet) continue
  console.log(summary)
  for (const info of infos) console.log(`  ${info}`)
}
// A column that belongs to this system must have been judged.
const own = columns[platform].compiler
if (own.length > 0 && platform !== 'win32' && versionOf(own) === undefined) {
  console.error(`${platform}: ${own.join(' ')} is needed to check this system's column`)
  failed = true
}
process.exitCode = failed ? 1 : 0
