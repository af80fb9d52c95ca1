// The one list of platforms that get a binary: npm run prebuild, its checks and the release workflow read
// it. `node scripts/targets.js` prints the workflow's matrix.
import { pathToFileURL } from 'node:url'

/**
 * @typedef {object} Target
 * @property {string} runner GitHub's machine of that kind: the release workflow builds and tests there.
 * @property {string} format What llvm-readobj calls the file's format, which names the machine too.
 * @property {readonly string[]} libraries The libraries that the file may ask the loader for.
 * @property {Cross} [cross] How it is built on Linux x64, if it can be.
 */

/**
 * prebuildify with the GNU tools of a prefix, or an npm script that leaves a file.
 *
 * @typedef {{ compiler: string, tools: string } | { compiler: string, script: string, leaves: string }} Cross
 */

/** @type {Record<string, Target>} */
export const targets = {
  // No library at all: the process has its libc already, so one file serves glibc and musl.
  'linux-x64': { runner: 'ubuntu-24.04', format: 'elf64-x86-64', libraries: [] },
  'linux-arm64': {
    runner: 'ubuntu-24.04-arm',
    format: 'elf64-littleaarch64',
    libraries: [],
    cross: { compiler: 'aarch64-linux-gnu-g++', tools: 'aarch64-linux-gnu' },
  },
  'win32-x64': {
    runner: 'windows-2022',
    format: 'COFF-x86-64',
    libraries: ['node.exe', 'iphlpapi.dll', 'kernel32.dll', 'msvcrt.dll', 'ws2_32.dll'],
    cross: {
      compiler: 'x86_64-w64-mingw32-g++',
      script: 'build:win32',
      leaves: 'build-win/Release/net_sockopt.node',
    },
  },
  'win32-arm64': {
    runner: 'windows-11-arm',
    format: 'COFF-ARM64',
    libraries: ['node.exe', 'iphlpapi.dll', 'kernel32.dll', 'ws2_32.dll'],
  },
  'darwin-x64': {
    runner: 'macos-15-intel',
    format: 'Mach-O 64-bit x86-64',
    libraries: ['/usr/lib/libSystem.B.dylib', '/usr/lib/libc++.1.dylib'],
  },
  'darwin-arm64': {
    runner: 'macos-14',
    format: 'Mach-O arm64',
    libraries: ['/usr/lib/libSystem.B.dylib', '/usr/lib/libc++.1.dylib'],
  },
}

/** The target that this machine is. */
export const host = `${process.platform}-${process.arch}`

/** Where a target's binary is, from the project's root: as node-gyp-build looks for it. */
export const prebuildOf = (/** @type {string} */ name) => `prebuilds/${name}/net-sockopt.node`

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const include = Object.entries(targets).map(([target, { runner }]) => ({ target, runner }))
  console.log(JSON.stringify({ include }))
}
