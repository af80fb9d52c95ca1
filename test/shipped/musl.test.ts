/** The Linux binaries in a process that has musl and no glibc: loaded with every symbol resolved, and called. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { inspect } from '../../scripts/inspect-binary.js'
import { host, prebuildOf } from '../../scripts/targets.js'
import { commandExists } from '../support/commands.js'
import { temporaryPath } from '../support/files.js'
import { muslForArm64 } from './musl-arm64.js'

const binaryOf = (name: string): string =>
  fileURLToPath(new URL(`../../${prebuildOf(name)}`, import.meta.url))
const source = fileURLToPath(new URL('musl-host.c', import.meta.url))
const headers = join(dirname(dirname(process.execPath)), 'include', 'node')

/** The functions of Node-API that the addon wants and the program does not have: none of them is called. */
function stubsFor(binary: string): string {
  const had = readFileSync(source, 'utf8')
  const missing = inspect(binary).imports.filter(
    (name) => name.startsWith('napi_') && !had.includes(`napi_status ${name}(`),
  )
  const stubs = missing.map((name) => `void ${name}(void) { puts("${name}"); exit(1); }`)
  return ['int puts(const char*);', 'void exit(int);', ...stubs, ''].join('\n')
}

function run(command: string, args: string[], input = ''): string {
  const { status, stdout, stderr } = spawnSync(command, args, {
    input,
    encoding: 'utf8',
    timeout: 30_000,
  })
  expect({ status, stderr }, `${command}: ${stdout}`).toEqual({ status: 0, stderr: '' })
  return stdout
}

/** Compiles the program for a binary, by a compiler with its options around the sources. */
function hostFor(binary: string, compiler: string, before: string[], after: string[]): string {
  const object = temporaryPath('stubs.o')
  run(compiler, ['-x', 'c', '-', '-c', '-o', object], stubsFor(binary))
  const program = temporaryPath('host')
  run(compiler, [
    ...before,
    '-isystem',
    headers,
    '-rdynamic',
    source,
    object,
    ...after,
    '-o',
    program,
  ])
  // musl's only: glibc's has a number.
  expect(inspect(program).libraries).toEqual(['libc.so'])
  return program
}

describe.skipIf(host !== 'linux-x64')('musl (skipped but on Linux x64)', () => {
  test.skipIf(!commandExists('musl-gcc'))('on x64 (skipped where there is no musl-gcc)', () => {
    const binary = binaryOf('linux-x64')
    expect(run(hostFor(binary, 'musl-gcc', [], []), [binary])).toBe('ok\n')
  })

  const qemu = 'qemu-aarch64-static'
  const gcc = 'aarch64-linux-gnu-gcc'
  const canCompile = host === 'linux-x64' && commandExists(qemu) && commandExists(gcc)
  const root = canCompile ? muslForArm64() : undefined

  test.skipIf(root === undefined)(
    'on arm64 (skipped where there is no qemu-user, or apt has no musl for arm64)',
    () => {
      const binary = binaryOf('linux-arm64')
      const builtIn = run(gcc, ['-print-file-name=include']).trim()
      const include = join(root ?? '', 'usr/include/aarch64-linux-musl')
      const startup = join(root ?? '', 'usr/lib/aarch64-linux-musl')
      const objects = ['crt1.o', 'crti.o'].map((name) => join(startup, name))
      const before = ['-nostdinc', '-isystem', include, '-isystem', builtIn, '-nostdlib', '-no-pie']
      const libraries = [`-L${join(root ?? '', 'lib/aarch64-linux-musl')}`, '-lc', '-lgcc']
      const loader = '-Wl,-dynamic-linker,/lib/ld-musl-aarch64.so.1'
      const after = [...libraries, join(startup, 'crtn.o'), loader]
      const program = hostFor(binary, gcc, [...before, ...objects], after)
      expect(run(qemu, ['-L', root ?? '', program, binary, 'without queues'])).toBe('ok\n')
    },
  )
})
