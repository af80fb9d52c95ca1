// npm's install script. A shipped binary that fits needs nothing; only where none fits is one compiled.
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { nodeGyp } from './build-native.js'

const require = createRequire(import.meta.url)
const root = fileURLToPath(new URL('..', import.meta.url))

try {
  require('node-gyp-build')(root)
} catch {
  process.exit(nodeGyp(['rebuild']))
}
