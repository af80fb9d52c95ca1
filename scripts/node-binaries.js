// Node's own binaries, as packages of the npm registry, kept in .cache/.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))

/** The path of that major version of Node for `system` (linux-x64, win-x64 ...), fetched if need be. */
export function nodeBinary(version, system = `${process.platform}-${process.arch}`) {
  const name = `node-${system}`
  const directory = join(root, '.cache', `${name}-${version}`)
  const file = system.startsWith('win') ? 'node.exe' : 'node'
  const path = join(directory, 'node_modules', name, 'bin', file)
  if (existsSync(path)) return path
  mkdirSync(directory, { recursive: true })
  // Without scripts: the package holds the binary itself. By force: it may be another system's.
  const args = [
    'install',
    '--prefix',
    directory,
    '--no-save',
    '--ignore-scripts',
    '--no-audit',
    '--force',
  ]
  const { status } = spawnSync('npm', [...args, `${name}@${version}`], { stdio: 'inherit' })
  if (status !== 0) throw new Error(`npm has no ${name}@${version}`)
  return path
}
