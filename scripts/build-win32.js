// Cross-compiles the addon for Windows x64 into build-win/, with MinGW-w64 and cmake-js. uv.h comes from
// the headers beside the running node, since node-api-headers lacks it.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { nodeHeaders } from './build-native.js'

const root = fileURLToPath(new URL('..', import.meta.url))
if (!existsSync(join(nodeHeaders, 'uv.h'))) {
  console.error(`build:win32 needs Node's headers beside the running node, in ${nodeHeaders}`)
  process.exit(1)
}
const cmakeJs = createRequire(import.meta.url).resolve('cmake-js/bin/cmake-js')
const definitions = {
  CMAKE_TOOLCHAIN_FILE: join(root, 'cmake', 'mingw-w64-x86_64.cmake'),
  NODE_HEADERS: nodeHeaders,
}
const args = Object.entries(definitions).map(([name, value]) => `--CD${name}=${value}`)
const { status } = spawnSync(
  process.execPath,
  [cmakeJs, 'compile', '--out', 'build-win', '--arch', 'x64', ...args],
  { cwd: root, stdio: 'inherit' },
)
process.exit(status ?? 1)
