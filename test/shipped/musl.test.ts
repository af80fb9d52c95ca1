/** The Linux binary in a process that has musl and no glibc: loaded with every symbol resolved, and called. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { inspect } from '../../scripts/inspect-binary.js'
import { host, prebuildOf } from '../../scripts/targets.js'
import { commandExists } from '../support/commands.js'
import { temporaryPath } from '../support/files.js'

const binary = fileURLToPath(new URL(`../../${prebuildOf('linux-x64')}`, import.meta.url))
const source = fileURLToPath(new URL('musl-host.c', import.meta.url))
const headers = join(dirname(dirname(process.execPath)), 'include', 'node')

/** The functions of Node-API that the addon wants and the program does not have: none of them is called. */
function stubs(): string {
  const had = readFileSync(source, 'utf8')
  const missing = inspect(binary).imports.filter(
    (name) => name.startsWith('napi_') && !had.includes(`napi_status ${name}(`),
  )
  return `void abort(void);\n${missing.map((name) => `void ${name}(void) { abort(); }`).join('\n')}\n`
}

test.skipIf(host !== 'linux-x64' || !commandExists('musl-gcc'))(
  'loads and works with musl (skipped where there is no musl-gcc)',
  () => {
    const program = temporaryPath('host')
    const object = temporaryPath('stubs.o')
    const compiling = ['-x', 'c', '-', '-c', '-o', object]
    const compiled = spawnSync('musl-gcc', compiling, { input: stubs(), encoding: 'utf8' })
    expect(compiled).toMatchObject({ status: 0, stderr: '' })
    const linking = ['-rdynamic', '-isystem', headers, source, object, '-o', program]
    expect(spawnSync('musl-gcc', linking, { encoding: 'utf8' })).toMatchObject({
      status: 0,
      stderr: '',
    })
    expect(inspect(program).libraries).toEqual(['libc.so'])
    const ran = spawnSync(program, [binary], { encoding: 'utf8', timeout: 10_000 })
    expect(ran).toMatchObject({ status: 0, stdout: 'ok\n', stderr: '' })
  },
)
