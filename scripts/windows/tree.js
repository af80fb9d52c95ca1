// A copy of the project as it would stand on a Windows machine: the packages for Windows, the
// shipped binary, nothing that was built for this system.
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { prebuildOf } from '../targets.js'

/** What the tests need, beside node_modules. */
const parts = [
  'lib',
  'dist',
  'test',
  'examples',
  'docs',
  'scripts',
  'package.json',
  'package-lock.json',
  'README.md',
  'tsconfig.json',
  'vitest.config.ts',
]

/** Brings the copy in `tree` up to date with `root`. */
export function copyTree(root, tree) {
  const lock = join(tree, 'package-lock.json')
  const isInstalled = existsSync(lock) && same(lock, join(root, 'package-lock.json'))
  mkdirSync(tree, { recursive: true })
  for (const part of parts) {
    rmSync(join(tree, part), { recursive: true, force: true })
    cpSync(join(root, part), join(tree, part), { recursive: true })
  }
  if (!isInstalled || !existsSync(join(tree, 'node_modules'))) install(tree)
  const prebuild = join(tree, 'prebuilds', 'win32-x64', 'net-sockopt.node')
  mkdirSync(join(tree, 'prebuilds', 'win32-x64'), { recursive: true })
  cpSync(join(root, prebuildOf('win32-x64')), prebuild)
}

function same(a, b) {
  return readFileSync(a, 'utf8') === readFileSync(b, 'utf8')
}

function install(tree) {
  const args = ['ci', '--os=win32', '--cpu=x64', '--ignore-scripts', '--no-audit', '--no-fund']
  const { status } = spawnSync('npm', args, { cwd: tree, stdio: 'inherit' })
  if (status !== 0) throw new Error('npm ci for Windows failed')
}
