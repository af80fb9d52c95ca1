// Makes the binaries that users get: `node scripts/prebuild.js [target ...]`. Without a target, those that
// this machine has compilers for and that are older than their sources: npm also runs it so, before
// `npm run build`. The targets are in scripts/targets.js.
import { spawnSync } from 'node:child_process'
import { copyFileSync, cpSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { nodeGypEnvironment } from './build-native.js'
import { host, prebuildOf, targets } from './targets.js'

const root = fileURLToPath(new URL('..', import.meta.url))
const cache = join(root, '.cache', 'prebuild')

/** Runs prebuildify in a copy of the sources: it empties build/, which a checkout's own addon is in. */
function prebuildify(name, tools) {
  const directory = join(cache, name)
  rmSync(directory, { recursive: true, force: true })
  for (const source of ['binding.gyp', 'package.json', 'native']) {
    cpSync(join(root, source), join(directory, source), { recursive: true })
  }
  const bin = createRequire(import.meta.url).resolve('prebuildify/bin.js')
  const [platform, arch] = name.split('-')
  const args = ['--platform', platform, '--arch', arch, '--napi', '--strip']
  // Which version's headers does not matter to Node-API; these are at hand.
  args.push('--target', process.versions.node, '--out', root, '--cache', join(cache, 'headers'))
  if (tools !== undefined) args.push('--strip-bin', `${tools}-strip`)
  run(process.execPath, [bin, ...args], { cwd: directory, env: environmentOf(tools) })
}

function environmentOf(tools) {
  const env = { ...nodeGypEnvironment() }
  // What somebody compiles with for a test (sanitizers, coverage) is not for users.
  for (const flags of ['CFLAGS', 'CXXFLAGS', 'CPPFLAGS', 'LDFLAGS']) delete env[flags]
  if (tools === undefined) return env
  const [CC, CXX, AR] = ['gcc', 'g++', 'ar'].map((tool) => `${tools}-${tool}`)
  return { ...env, CC, CXX, AR, LINK: CXX }
}

function ownBuild(name, { script, leaves }) {
  rmSync(join(root, leaves), { force: true })
  run('npm', ['run', script], { cwd: root })
  const file = join(root, prebuildOf(name))
  mkdirSync(dirname(file), { recursive: true })
  copyFileSync(join(root, leaves), file)
}

function run(command, args, options) {
  const { status, error } = spawnSync(command, args, { stdio: 'inherit', ...options })
  if (error) throw error
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${status}`)
}

/** Why a target cannot be built here. */
function obstacle(name) {
  const target = targets[name]
  if (target === undefined) return `no such target; there are ${Object.keys(targets).join(', ')}`
  if (name === host) return undefined
  const { cross, runner } = target
  if (cross === undefined || host !== 'linux-x64') {
    return `cannot be built on ${host}; the release workflow does it on ${runner}`
  }
  if (spawnSync(cross.compiler, ['--version']).status !== 0) return `there is no ${cross.compiler}`
  const { scripts } = createRequire(import.meta.url)('../package.json')
  if (cross.script && !scripts[cross.script]) return `there is no npm script ${cross.script}`
  return undefined
}

function isNewer(name) {
  const folders = ['native', 'cmake'].flatMap((folder) =>
    readdirSync(join(root, folder)).map((file) => `${folder}/${file}`),
  )
  const descriptions = [
    'binding.gyp',
    'CMakeLists.txt',
    'scripts/prebuild.js',
    'scripts/targets.js',
  ]
  const sources = [...descriptions, ...folders]
  const timeOf = (path) => statSync(join(root, path), { throwIfNoEntry: false })?.mtimeMs ?? 0
  return timeOf(prebuildOf(name)) > Math.max(...sources.map(timeOf))
}

function build(name) {
  const { cross } = targets[name]
  if (name === host) prebuildify(name)
  else if (cross.tools !== undefined) prebuildify(name, cross.tools)
  else ownBuild(name, cross)
}

const asked = process.argv.slice(2)
for (const name of asked.length > 0 ? asked : Object.keys(targets)) {
  const hindered = obstacle(name)
  if (hindered !== undefined) {
    console.log(`${name}: ${asked.length > 0 ? 'FAILED' : 'left out'}, ${hindered}`)
    if (asked.length > 0) process.exitCode = 1
  } else if (asked.length === 0 && isNewer(name)) {
    console.log(`${name}: is up to date`)
  } else {
    try {
      build(name)
      console.log(`${name}: made ${prebuildOf(name)}`)
    } catch (error) {
      console.log(`${name}: FAILED, ${error.message}`)
      process.exitCode = 1
    }
  }
}
