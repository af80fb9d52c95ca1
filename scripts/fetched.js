// Programs of other runtimes, which the npm registry has as packages; kept in .cache/.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const cache = fileURLToPath(new URL('../.cache', import.meta.url))

/**
 * The path of a file in a package, which is fetched if it is not there yet.
 *
 * @type {(specifier: string, file: string) => string}
 */
export function fetched(specifier, file) {
  const directory = join(cache, specifier.replaceAll('/', '+'))
  const path = join(directory, file)
  if (existsSync(path)) return path
  mkdirSync(directory, { recursive: true })
  // Without scripts: the packages hold the programs themselves. By force: some are for another machine.
  const args = ['install', '--prefix', directory, '--no-save', '--no-audit', '--ignore-scripts']
  const { status } = spawnSync('npm', [...args, '--force', specifier], { stdio: 'inherit' })
  if (status !== 0 || !existsSync(path)) throw new Error(`npm has no ${specifier} with ${file}`)
  return path
}
