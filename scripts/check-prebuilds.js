// Looks into every file of prebuilds/ and says what should not be so. `node scripts/check-prebuilds.js
// [target ... | --all]`: these, or all of scripts/targets.js, must be there.
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { inspect } from './inspect-binary.js'
import { prebuildOf, targets } from './targets.js'

const root = fileURLToPath(new URL('..', import.meta.url))

/** A tenth of a megabyte is enough for what we do. */
const sizeLimit = 100_000

/** What Node looks for in an addon. */
const entryPoints = ['napi_register_module_v1', 'node_api_module_get_api_version_v1']

/**
 * What the Linux files may take from the process's libc: both glibc and musl have it. A checked function
 * (__recv_chk), a 64-bit one (fcntl64) or a C23 one (__isoc23_strtoul) is glibc's alone.
 */
export const libcFunctions = [
  '__errno_location',
  '__stack_chk_fail',
  'accept4',
  'bind',
  'close',
  'connect',
  'dup',
  'free',
  'getsockopt',
  'ioctl',
  'listen',
  'malloc',
  'memcpy',
  'memmove',
  'memset',
  'poll',
  'readlink',
  'realloc',
  'recv',
  'send',
  'setsockopt',
  'socket',
  'strchr',
  'strlen',
  'syscall',
]

/** What compilers put into every shared library for the C library, if it wants it. */
const startup = [
  '__cxa_finalize',
  '__gmon_start__',
  '_ITM_deregisterTMCloneTable',
  '_ITM_registerTMCloneTable',
]

/**
 * What is wrong with a target's binary.
 *
 * @type {(name: string, file: string) => string[]}
 */
export function faultsOf(name, file) {
  const target = targets[name]
  if (target === undefined) return ['is for a target that scripts/targets.js does not have']
  let binary
  try {
    binary = inspect(file)
  } catch (error) {
    return [error.message]
  }
  if (binary.format !== target.format) return [`is ${binary.format}, not ${target.format}`]
  const { exports, libraries, size, stripped } = binary
  const faults = [
    ...without(exports, entryPoints).map((symbol) => `exports ${symbol}`),
    ...without(entryPoints, exports).map((symbol) => `does not export ${symbol}`),
    ...without(libraries, target.libraries).map((library) => `needs the library ${library}`),
    ...(name.startsWith('linux-') ? foreignImports(binary) : []),
  ]
  if (!stripped) faults.push('is not stripped')
  if (size >= sizeLimit) faults.push(`has ${size} bytes, ${sizeLimit} or more`)
  return faults
}

/** @type {(binary: import('./inspect-binary.js').Binary) => string[]} */
function foreignImports({ imports, weakImports }) {
  const isNodeApi = (symbol) => /^(napi|node_api)_/.test(symbol)
  const strong = without(imports, libcFunctions).filter((symbol) => !isNodeApi(symbol))
  const weak = without(weakImports, startup).filter((symbol) => !symbol.startsWith('uv_'))
  return [...strong, ...weak].map((symbol) => {
    if (symbol.includes('@')) return `wants a version of a symbol: ${symbol}`
    if (symbol.startsWith('uv_')) return `wants ${symbol}, which Deno lacks, not weakly`
    return `wants ${symbol}, which is not known to be in glibc and musl`
  })
}

function without(all, known) {
  return all.filter((each) => !known.includes(each))
}

function main(asked) {
  const names = asked.includes('--all') ? Object.keys(targets) : asked
  const wanted = names.map(prebuildOf)
  const files = filesBelow('prebuilds').filter((file) => file !== 'prebuilds/README.md')
  let failed = 0
  for (const file of new Set([...files, ...wanted])) {
    const name = file.split('/')[1]
    const faults = judge(name, file)
    for (const fault of faults) console.error(`${file} ${fault}`)
    if (faults.length === 0) console.log(`${file} is in order`)
    else failed++
  }
  if (files.length === 0) console.error('prebuilds/ has no binary: npm run prebuild')
  return failed === 0 && files.length > 0
}

/** From the project's root. */
function filesBelow(folder) {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`
    return entry.isDirectory() ? filesBelow(path) : [path]
  })
}

function judge(name, file) {
  if (!existsSync(join(root, file))) return ['is missing']
  if (file !== prebuildOf(name)) return [`should not be here, but ${prebuildOf(name)}`]
  return faultsOf(name, join(root, file))
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  process.exitCode = main(process.argv.slice(2)) ? 0 : 1
}
