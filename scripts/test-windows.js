// The test suite in Node for Windows, under Wine: `npm run test:windows [-- versions] [-- vitest's arguments]`.
// Builds the addon (npm run build:win32), and keeps a Wine prefix and a copy of the project in
// .cache/windows.
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { nodeBinary } from './node-binaries.js'
import { copyTree } from './windows/tree.js'
import { Wine } from './windows/wine.js'

const root = fileURLToPath(new URL('..', import.meta.url))
const directory = join(root, '.cache', 'windows')
const tree = join(directory, 'tree')
const given = process.argv.slice(2)
const versions = given.filter((argument) => /^\d+$/.test(argument))
const filters = given.filter((argument) => !versions.includes(argument))

const built = spawnSync('npm', ['run', 'build:win32'], { cwd: root, stdio: 'inherit' })
if (built.status !== 0) process.exit(1)
copyTree(root, tree)
const wine = new Wine(directory)

function runSuite(version) {
  console.log(`== Node ${version} for Windows, Wine`)
  const report = `vitest-windows-node-${version}`
  // Types are checked on the system that compiles them.
  const vitest = ['node_modules/vitest/vitest.mjs', 'run', '--typecheck.enabled=false', ...filters]
  const status = wine.run([nodeBinary(version, 'win-x64'), ...vitest], {
    cwd: tree,
    env: { REPORT: report },
  })
  const file = join(tree, 'reports', `${report}.json`)
  if (existsSync(file)) {
    mkdirSync(join(root, 'reports'), { recursive: true })
    cpSync(file, join(root, 'reports', `${report}.json`))
  }
  return status
}

const failed = (versions.length > 0 ? versions : ['20', '22']).filter(
  (version) => runSuite(version) !== 0,
)
if (failed.length > 0) console.error(`failed in Node ${failed.join(', ')} for Windows`)
process.exit(failed.length === 0 ? 0 : 1)
