// The test suite in Node for Windows, under Wine: `npm run test:windows [-- versions and vitest's arguments]`.
// Runs the shipped binary, and keeps a Wine prefix and a copy of the project in .cache/windows.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { nodeBinary } from './node-binaries.js'
import { debianIn, wantsNewer } from './windows/debian.js'
import { copyTree } from './windows/tree.js'

const root = fileURLToPath(new URL('..', import.meta.url))
const directory = join(root, '.cache', 'windows')
const given = process.argv.slice(2)
const versions = given.filter((argument) => /^\d+$/.test(argument))
const filters = given.filter((argument) => !versions.includes(argument))
if (versions.length === 0) versions.push('20', '22')

const built = spawnSync('npm', ['run', 'prebuild', 'win32-x64'], { cwd: root, stdio: 'inherit' })
if (built.status !== 0) process.exit(1)
copyTree(root, join(directory, 'tree'))
const possible = versions.filter(hasWine)
if (possible.length === 0) process.exit(0)
// Before the network is gone.
for (const version of possible) nodeBinary(version, 'win-x64')

// In a network of its own, where nobody else's connections are: Wine takes 40 us for each when it is asked for a
// list of them, and TIME_WAIT can be tens of thousands. It has an address that is not loopback, since Wine lists no
// others, and a way to everywhere that leads nowhere.
const network = [
  'ip link set lo up',
  'ip link add v0 type veth peer name v1',
  'ip addr add 198.51.100.1/24 dev v0',
  'ip link set v0 up',
  'ip link set v1 up',
  'ip route add default via 198.51.100.2',
].join(' && ')
const isolate =
  process.getuid?.() === 0 ? ['unshare', '--net', 'sh', '-c', `${network} && exec "$0" "$@"`] : []
const [command, ...args] = [
  ...isolate,
  process.execPath,
  join(root, 'scripts', 'windows', 'run-suite.js'),
  directory,
  possible.join(),
  ...filters,
]
process.exit(spawnSync(command, args, { cwd: root, stdio: 'inherit' }).status ?? 1)

/** Can that version of Node be run here? Not every machine can have a newer Debian. */
function hasWine(version) {
  if (!wantsNewer(version)) return true
  try {
    debianIn(directory)
    return true
  } catch (error) {
    console.error(`not run: Node ${version} for Windows, which needs Wine 10. ${error.message}`)
    return false
  }
}
