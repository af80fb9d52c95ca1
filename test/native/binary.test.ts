/** What the built addon shows to the loader, as binutils see it. Linux only. */
import { spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
const nodeGypBuild = createRequire(import.meta.url)('node-gyp-build') as {
  resolve(root: string): string
}

function output(command: string, ...args: string[]): string {
  const { stdout, status } = spawnSync(command, [...args, nodeGypBuild.resolve(root)], {
    encoding: 'utf8',
  })
  expect(status).toBe(0)
  return stdout
}

const hasBinutils = process.platform === 'linux' && spawnSync('nm', ['--version']).status === 0

describe.skipIf(!hasBinutils)('the binary (skipped where there is no nm)', () => {
  const symbols = () => output('nm', '-D').trim().split('\n')

  test('exports the two Node-API entry points and nothing else', () => {
    const defined = symbols().filter((line) => / [A-TV-Z] /.test(line))
    expect(defined.map((line) => line.split(' ').at(-1)).sort()).toEqual([
      'napi_register_module_v1',
      'node_api_module_get_api_version_v1',
    ])
  })

  test('needs no library and no versioned symbol, so glibc and musl both load it', () => {
    expect(output('objdump', '-p')).not.toMatch(/NEEDED|Version References/)
    expect(symbols().join('\n')).not.toMatch(/@|GLIBC/)
  })

  test('takes from the process only what both libcs have', () => {
    const needed = symbols()
      .filter((line) => line.includes(' U '))
      .map((line) => line.split(' ').at(-1) ?? '')
    // A checked variant (__recv_chk), a 64-bit one (fcntl64) or a C23 one (__isoc23_strtoul) is glibc's alone.
    const foreign = /_chk$|64$|^__isoc|^_Z/
    expect(needed.filter((name) => !name.startsWith('napi_') && foreign.test(name))).toEqual([])
  })
})
