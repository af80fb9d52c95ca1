// Runs vitest in Node for Windows: `node run-suite.js directory versions [vitest's arguments]`.
import { cpSync, existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { nodeBinary } from '../node-binaries.js'
import { debianIn, inside, wantsNewer } from './debian.js'
import { Wine } from './wine.js'

const root = fileURLToPath(new URL('../..', import.meta.url))
const reports = join(root, 'reports')
const [directory, versions, ...filters] = process.argv.slice(2)
const tree = join(directory, 'tree')
const wines = new Map()

/** The Wine that a version of Node starts in. */
function wineFor(version) {
  const name = wantsNewer(version) ? '10' : '8'
  if (!wines.has(name)) {
    const through = wantsNewer(version) ? inside(debianIn(directory), root) : []
    wines.set(name, new Wine(join(directory, `wine-${name}`), name, through))
  }
  return wines.get(name)
}

function runSuite(version) {
  const wine = wineFor(version)
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
    mkdirSync(reports, { recursive: true })
    cpSync(file, join(reports, `${report}.json`))
  }
  return status
}

const failed = versions.split(',').filter((version) => runSuite(version) !== 0)
if (failed.length > 0) console.error(`failed in Node ${failed.join(', ')} for Windows`)
process.exit(failed.length === 0 ? 0 : 1)
