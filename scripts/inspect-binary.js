// What is in a shared library, as LLVM's tools tell: they read Linux's, Windows' and macOS' alike.
import { spawnSync } from 'node:child_process'
import { statSync } from 'node:fs'

/**
 * @typedef {object} Binary
 * @property {string} format File format and machine: `elf64-x86-64`, `COFF-x86-64`, `Mach-O arm64`.
 * @property {readonly string[]} libraries The libraries it asks the loader for.
 * @property {readonly string[]} exports
 * @property {readonly string[]} imports What the process must have, as `name@VERSION` if it asks for a version.
 *   Windows names them per library, so here there are none.
 * @property {readonly string[]} weakImports What the process may lack.
 * @property {boolean} stripped
 * @property {number} size In bytes.
 */

/** Debian and Ubuntu have the tools by their version only. */
const versions = ['', '-16', '-17', '-18', '-19', '-20']

const found = new Map()

function llvm(tool, ...args) {
  const command =
    found.get(tool) ??
    versions.map((version) => tool + version).find((name) => !spawnSync(name, ['--version']).error)
  if (command === undefined) throw new Error(`there is no ${tool}: install LLVM`)
  found.set(tool, command)
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`not a binary: ${stderr.trim()}`)
  return stdout
}

/** @type {(file: string) => Binary} */
export function inspect(file) {
  const headers = llvm('llvm-readobj', '--file-headers', '--sections', '--needed-libs', file)
  const format = valueOf(headers, 'Format')
  const kind = kinds[format.split(/[- \d]/)[0]]
  if (kind === undefined) throw new Error(`a format that nothing here knows: ${format}`)
  return { format, size: statSync(file).size, ...kind(file, headers) }
}

const kinds = { elf: inspectElf, COFF: inspectCoff, Mach: inspectMachO }

function inspectElf(file, headers) {
  const symbols = symbolsOf('-D', file)
  return {
    libraries: librariesOf(headers),
    ...sorted(symbols),
    stripped: !/Name: \.(symtab|debug_\w+)\b/.test(headers),
  }
}

function inspectCoff(file, headers) {
  const tables = llvm('llvm-readobj', '--coff-exports', '--coff-imports', file)
  const blocks = tables.split(/^(?=\w+ \{$)/m)
  const named = (kind) =>
    blocks.filter((block) => kind.test(block)).map((block) => valueOf(block, 'Name'))
  return {
    libraries: named(/^(Delay)?Import \{/).map((name) => name.toLowerCase()),
    exports: named(/^Export \{/),
    imports: [],
    weakImports: [],
    stripped: valueOf(headers, 'SymbolCount') === '0' && !/Name: \.debug_/.test(headers),
  }
}

function inspectMachO(file, headers) {
  const symbols = symbolsOf(file)
  return {
    libraries: librariesOf(headers),
    ...sorted(symbols.map(({ name, type }) => ({ name: name.replace(/^_/, ''), type }))),
    // A lower-case letter is a symbol of the file's own.
    stripped: !symbols.some(({ type }) => /[a-vx-z]/.test(type)) && !headers.includes('__debug_'),
  }
}

function sorted(symbols) {
  const of = (types) => symbols.filter(({ type }) => types.test(type)).map(({ name }) => name)
  return { exports: of(/[A-TV-Z]/), imports: of(/U/), weakImports: of(/[wv]/) }
}

/** nm's letters: U is undefined, w undefined and weak, another capital is defined here for all. */
function symbolsOf(...args) {
  const lines = llvm('llvm-nm', '--format=posix', ...args).split('\n')
  return lines.filter(Boolean).map((line) => {
    const [name, type] = line.split(' ')
    return { name, type }
  })
}

function librariesOf(headers) {
  const [, list = ''] = /^NeededLibraries \[\n([^]*?)^\]/m.exec(headers) ?? []
  return list
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean)
}

function valueOf(text, key) {
  return new RegExp(`^\\s*${key}: (.*?)(?: \\(0x.*)?$`, 'm').exec(text)?.[1] ?? ''
}
