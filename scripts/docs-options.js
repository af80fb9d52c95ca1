/**
 * Writes the tables of docs/options.md, between its markers, from those of options and requests. Needs dist/
 * (npm run build:ts).
 *
 *   node scripts/docs-options.js            writes the page
 *   node scripts/docs-options.js --check    exits 1 if the page is not what would be written
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { ioctlTable } from '../dist/ioctls.js'
import { table } from '../dist/options.js'
import { platformNames, platforms } from '../dist/platform.js'

/** @typedef {import('../dist/ioctls.js').IoctlRow} IoctlRow */
/** @typedef {import('../dist/options.js').LevelName} LevelName */
/** @typedef {import('../dist/options.js').Row} Row */
/** @typedef {import('../dist/platform.js').Platform} Platform */

const page = new URL('../docs/options.md', import.meta.url)
const begin = '<!-- options:begin -->'
const end = '<!-- options:end -->'

const linux = (/** @type {string} */ name) =>
  `[${name}(7)](https://man7.org/linux/man-pages/man7/${name}.7.html)`
const windows = (/** @type {string} */ level) =>
  `[${level} socket options](https://learn.microsoft.com/en-us/windows/win32/winsock/` +
  `${level.toLowerCase().replaceAll('_', '-')}-socket-options)`

/**
 * Each level, and what documents it.
 *
 * @type {Record<LevelName, string>}
 */
const levels = {
  SOL_SOCKET: `${linux('socket')} and ${linux('unix')}, macOS getsockopt(2), Windows ${windows('SOL_SOCKET')}`,
  SOL_LOCAL: 'macOS unix(4)',
  IPPROTO_TCP: `${linux('tcp')}, macOS tcp(4), Windows ${windows('IPPROTO_TCP')}`,
  IPPROTO_IP: `${linux('ip')}, macOS ip(4), Windows ${windows('IPPROTO_IP')}`,
  IPPROTO_IPV6: `${linux('ipv6')}, macOS ip6(4), Windows ${windows('IPPROTO_IPV6')}`,
  IPPROTO_UDP: `${linux('udp')}, macOS udp(4), Windows ${windows('IPPROTO_UDP')}`,
}

const sockets = {
  tcp: 'TCP sockets',
  udp: 'UDP sockets',
  unix: 'AF_UNIX sockets',
  listener: 'listeners',
  raw: 'raw sockets',
}

/** Names of C and calls as code; what Markdown would take for its own, escaped. */
function markdown(/** @type {string} */ text) {
  const code = /(\b[A-Z][A-Z0-9]*_[A-Z0-9_]*\*?|\b\w+\(\))/
  const parts = text.split(code)
  return parts
    .map((part, i) => (i % 2 === 1 ? `\`${part}\`` : part.replace(/[|*<]/g, '\\$&')))
    .join('')
}

function formatNumber(/** @type {number} */ number) {
  return number < 128 ? String(number) : `0x${number.toString(16)}`
}

/** @type {(row: Row, system: Platform) => string} */
function cell(row, system) {
  const cell = row[system]
  if (cell === undefined) return ''
  const number =
    typeof cell === 'number'
      ? formatNumber(cell)
      : Object.entries(cell).map(([name, value]) => `\`${name}\` ${formatNumber(value)}`)[0]
  const level = row.levels?.[system]
  return level === undefined ? `${number}` : `${number} at \`${level}\``
}

const list = (/** @type {readonly Platform[]} */ systems) =>
  systems.map((system) => platformNames[system]).join(' and ')

const sentence = (/** @type {string} */ text) => `${text[0]?.toUpperCase()}${text.slice(1)}.`

/** @type {(row: Row | IoctlRow) => string | undefined} */
function since(row) {
  const versions = platforms.flatMap((system) => {
    const version = row.since?.[system]
    return version === undefined ? [] : [`${platformNames[system]} ${version}`]
  })
  return versions.length > 0 ? `Since ${versions.join(', ')}.` : undefined
}

/** @type {(row: Row) => string} */
function explain(row) {
  const notImplied =
    row.sockets !== undefined && row.level !== 'IPPROTO_UDP' && row.level !== 'SOL_LOCAL'
  const parts = [
    row.about,
    notImplied && row.sockets && `For ${sockets[row.sockets]}.`,
    row.when && sentence(row.when),
    row.needs && `Needs ${row.needs}.`,
    since(row),
    row.notInherited && `Not inherited by accepted sockets on ${list(row.notInherited)}.`,
    row.afterListen && `On a listener, to be set after listen() on ${list(row.afterListen)}.`,
    row.note,
  ]
  return markdown(parts.filter(Boolean).join(' '))
}

/** @type {(entry: [name: string, row: Row]) => string} */
function line([name, row]) {
  const access = { get: ', read-only', set: ', set only' }
  const value = markdown(row.value.unit) + (row.access ? access[row.access] : '')
  const cells = platforms.map((system) => cell(row, system))
  return `| ${[`\`${name}\``, value, ...cells, explain(row)].join(' | ')} |\n`
}

/** @type {(entry: [name: string, row: IoctlRow]) => string} */
function requestLine([name, row]) {
  const cells = platforms.map((system) => {
    const number = row.numbers[system]
    return number === undefined ? '' : formatNumber(number)
  })
  const parts = [
    row.about,
    row.sockets && `For ${sockets[row.sockets]}.`,
    row.when && sentence(row.when),
    row.needs && `Needs ${row.needs}.`,
    since(row),
    row.note,
  ]
  const what = markdown(parts.filter(Boolean).join(' '))
  const values = [row.input, row.value].map((codec) => (codec ? markdown(codec.unit) : ''))
  return `| ${[`\`${name}\``, ...values, ...cells, what].join(' | ')} |\n`
}

const names = platforms.map((system) => platformNames[system])

/** @type {(header: string[], lines: string[]) => string} */
function tableOf(header, lines) {
  return `| ${header.join(' | ')} |\n|${' --- |'.repeat(header.length)}\n${lines.join('')}\n`
}

function requests() {
  const rows = Object.entries(/** @type {Record<string, IoctlRow>} */ (ioctlTable))
  const header = ['Request', 'Takes', 'Answers', ...names, 'What it is']
  const documents =
    `${linux('tcp')} and ${linux('unix')} (ioctls), macOS ioctl(2), Windows ` +
    '[Winsock IOCTLs](https://learn.microsoft.com/en-us/windows/win32/winsock/winsock-ioctls)'
  return (
    '## Requests (ioctl)\n\n' +
    'For `ioctl(target, name)` and `ioctl(target, name, input)`. ' +
    `See ${documents}.\n\n${tableOf(header, rows.map(requestLine))}`
  )
}

/** @type {(entry: [level: string, documents: string]) => string} */
function section([level, documents]) {
  const rows = Object.entries(/** @type {Record<string, Row>} */ (table)).filter(
    ([, row]) => row.level === level,
  )
  const header = ['Option', 'Value', ...names, 'What it is']
  return `## ${level}\n\nSee ${documents}.\n\n${tableOf(header, rows.map(line))}`
}

// A checkout on Windows may have CRLF.
const present = readFileSync(page, 'utf8').replaceAll('\r\n', '\n')
const [before, after] = [present.indexOf(begin), present.indexOf(end)]
if (before === -1 || after < before) throw new Error(`docs/options.md lacks ${begin} or ${end}`)
const generated = Object.entries(levels).map(section).join('') + requests()
const wanted = `${present.slice(0, before)}${begin}\n\n${generated}${present.slice(after)}`

if (!process.argv.includes('--check')) {
  writeFileSync(page, wanted)
} else if (wanted !== present) {
  console.error(
    'docs/options.md is not what the table says: npm run build:ts && node scripts/docs-options.js',
  )
  process.exitCode = 1
}
