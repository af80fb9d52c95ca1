// Formats nothing, changes nothing: says whether native/ is as clang-format and clang-tidy want it.
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'

const files = readdirSync('native').map((name) => `native/${name}`)
const sources = files.filter((name) => name.endsWith('.cc'))
const headers = join(dirname(dirname(process.execPath)), 'include', 'node')
// What this system's headers cannot compile is checked by the CI job that owns it.
const foreign = { linux: ['native/darwin.cc'], darwin: ['native/linux.cc'] }[process.platform] ?? []

function run(command, args) {
  const { status, error } = spawnSync(command, args, { stdio: ['ignore', 'inherit', 'ignore'] })
  if (error) console.error(`${command}: ${error.message}`)
  return status === 0
}

const code = files.filter((name) => /\.(cc|h)$/.test(name))
const formatted = run('node_modules/.bin/clang-format', ['--dry-run', '-Werror', ...code])
if (!formatted) console.error('native/ is not formatted: run "npm run format"')

const checked = sources.filter((name) => !foreign.includes(name))
const tidy = process.env.CLANG_TIDY ?? 'clang-tidy-16'
const clean = run(tidy, [
  '--quiet',
  ...checked,
  '--',
  '-std=c++20',
  '-DNAPI_VERSION=8',
  `-I${headers}`,
])
process.exit(formatted && clean ? 0 : 1)
