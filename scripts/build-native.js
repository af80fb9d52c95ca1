// Builds the addon with node-gyp. `node scripts/build-native.js [rebuild]`: without an argument only
// what has changed is compiled.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))

const prefix = dirname(dirname(process.execPath))

/** Node's headers beside the running node, where most installations have them. */
export const nodeHeaders = join(prefix, 'include', 'node')

/** Where node-gyp finds Node's headers: beside the running node if they are there, else it downloads them. */
export function nodeGypEnvironment() {
  const local = existsSync(join(nodeHeaders, 'node_api.h'))
  return local ? { ...process.env, npm_config_nodedir: prefix } : process.env
}

/** Runs node-gyp in `cwd`: our own, or the one that npm puts on the PATH of an install script. */
export function nodeGyp(commands, cwd = root) {
  const options = { cwd, stdio: 'inherit', env: nodeGypEnvironment() }
  const own = ownNodeGyp()
  const { status } = own
    ? spawnSync(process.execPath, [own, ...commands], options)
    : spawnSync('node-gyp', commands, { ...options, shell: true })
  return status ?? 1
}

function ownNodeGyp() {
  try {
    return createRequire(import.meta.url).resolve('node-gyp/bin/node-gyp.js')
  } catch {
    return undefined
  }
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  // Here a warning is an error. On users' machines it is not: newer compilers warn of more.
  process.env.CXXFLAGS ??= '-Werror'
  process.env.CL ??= '/WX'
  const commands = process.argv[2] === 'rebuild' ? ['rebuild'] : ['configure', 'build']
  process.exit(nodeGyp(commands))
}
