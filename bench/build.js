// Builds what the bench needs compiled: its own addon, and sockopt, whose Linux prebuilds are Mach-O files.
import { createRequire } from 'node:module'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { nodeGyp } from '../scripts/build-native.js'

const require = createRequire(import.meta.url)

function loads(name) {
  try {
    require(name)
    return true
  } catch {
    return false
  }
}

function build(folder) {
  const status = nodeGyp(['rebuild'], folder)
  if (status !== 0) process.exit(status)
}

build(fileURLToPath(new URL('native', import.meta.url)))
if (!loads('sockopt')) build(dirname(require.resolve('sockopt/package.json')))
