// Changes nothing: says whether native/ is as clang-format and clang-tidy want it.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { nodeHeaders } from './build-native.js'

const files = readdirSync('native').map((name) => `native/${name}`)
const sources = files.filter((name) => name.endsWith('.cc'))
const tidy = process.env.CLANG_TIDY ?? 'clang-tidy-16'

function run(command, args) {
  const { status, error } = spawnSync(command, args, { stdio: ['ignore', 'inherit', 'ignore'] })
  if (error) console.error(`${command}: ${error.message}`)
  return status === 0
}

/** Checks sources with the headers of the system that they are for. */
function isTidy(names, flags) {
  const language = ['-std=c++20', '-DNAPI_VERSION=8', '-isystem', nodeHeaders]
  return run(tidy, ['--quiet', ...names, '--', ...language, ...flags])
}

const code = files.filter((name) => /\.(cc|h)$/.test(name))
const formatted = run('node_modules/.bin/clang-format', ['--dry-run', '-Werror', ...code])
if (!formatted) console.error('native/ is not formatted: run "npm run format"')

const others = { linux: ['darwin', 'win32'], darwin: ['linux', 'win32'], win32: [] }
const foreign = others[process.platform].map((name) => `native/${name}.cc`)
let clean = isTidy(
  sources.filter((name) => !foreign.includes(name)),
  [],
)

// MinGW's headers are there for the cross-build.
const mingw = '/usr/lib/gcc/x86_64-w64-mingw32/12-posix/include/c++'
if (existsSync(mingw)) {
  const system = ['-isystem', mingw, '-isystem', join(mingw, 'x86_64-w64-mingw32')]
  const windows = ['-D_WIN32_WINNT=0x0A00', '-DNTDDI_VERSION=0x0A000003']
  const target = '--target=x86_64-w64-windows-gnu'
  const names = ['native/win32.cc', 'native/find-socket.cc', 'native/watcher.cc']
  clean = isTidy(names, [target, ...windows, ...system]) && clean
}
process.exit(formatted && clean ? 0 : 1)
