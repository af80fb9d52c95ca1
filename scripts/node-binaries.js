// Node's own binaries.
import { fetched } from './fetched.js'

/** The path of that major version of Node for `system` (linux-x64, win-x64 ...), fetched if need be. */
export function nodeBinary(version, system = `${process.platform}-${process.arch}`) {
  const name = `node-${system}`
  const file = system.startsWith('win') ? 'node.exe' : 'node'
  return fetched(`${name}@${version}`, `node_modules/${name}/bin/${file}`)
}
