/** musl for arm64: Debian's packages, unpacked in .cache/. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const directory = fileURLToPath(new URL('../../.cache/musl-arm64', import.meta.url))

/** Where it is; undefined where apt cannot fetch it. */
export function muslForArm64(): string | undefined {
  const root = join(directory, 'root')
  if (!existsSync(root) && !unpack(root)) return undefined
  return root
}

/** With lists and a cache of apt's that are ours: the system goes on knowing only its own architecture. */
function unpack(root: string): boolean {
  for (const folder of ['lists/partial', 'archives/partial']) {
    mkdirSync(join(directory, folder), { recursive: true })
  }
  const options = {
    'Dir::State::lists': join(directory, 'lists'),
    'Dir::State::status': '/dev/null',
    'Dir::Cache': directory,
    'APT::Architecture': 'arm64',
    'APT::Architectures': 'arm64',
    'APT::Sandbox::User': 'root',
  }
  const given = Object.entries(options).flatMap(([name, value]) => ['-o', `${name}=${value}`])
  const apt = (...args: string[]): boolean =>
    spawnSync('apt-get', [...given, ...args], { cwd: directory }).status === 0
  if (!apt('update') || !apt('download', 'musl', 'musl-dev')) return false
  const packages = readdirSync(directory).filter((name) => name.endsWith('.deb'))
  return packages.every(
    (name) => spawnSync('dpkg', ['-x', join(directory, name), root]).status === 0,
  )
}
