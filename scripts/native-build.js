// Builds the addon a second time, with a compiler and flags of the caller's, apart from build/.
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { nodeHeaders } from './build-native.js'

export const root = fileURLToPath(new URL('..', import.meta.url))

/** The sources that binding.gyp names for this system, as node-gyp has understood it. */
export function sources() {
  const makefile = readFileSync(join(root, 'build', 'net_sockopt.target.mk'), 'utf8')
  return [...makefile.matchAll(/\$\(TARGET\)\/(native\/[\w-]+)\.o/g)].map(
    ([, path]) => `${path}.cc`,
  )
}

/** Runs a command to its end; its failure ends this program. */
export function run(command, args, options = {}) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit', ...options })
  if (error) throw error
  if (status !== 0) process.exit(status ?? 1)
}

/**
 * Builds into .cache/<name>/. The environment with which node-gyp-build finds this binary instead of the
 * ordinary one.
 */
export function buildApart(name, compiler, flags) {
  const directory = join(root, '.cache', name)
  const release = join(directory, 'build', 'Release')
  rmSync(directory, { recursive: true, force: true })
  mkdirSync(release, { recursive: true })
  const common = ['-std=c++20', '-g', '-fPIC', '-shared', '-fno-exceptions', '-fno-rtti']
  const defines = ['-DNAPI_VERSION=8', '-DBUILDING_NODE_EXTENSION', `-I${nodeHeaders}`]
  const binary = join(release, 'net_sockopt.node')
  run(compiler, [...common, ...defines, ...flags, ...sources(), '-o', binary])
  return { directory, binary, env: { ...process.env, NET_SOCKOPT_PREBUILD: directory } }
}
