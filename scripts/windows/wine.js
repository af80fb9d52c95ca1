// Windows programs on Linux: a Wine prefix of our own, and a way to run something in it.
import { spawnSync } from 'node:child_process'
import { closeSync, existsSync, mkdirSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const wine = '/usr/lib/wine/wine64'
const wineserver = '/usr/lib/wine/wineserver64'

export class Wine {
  #directory
  #env

  /** @param {string} directory where the prefix and the output of programs are kept */
  constructor(directory) {
    if (!existsSync(wine)) throw new Error(`${wine} is missing: apt-get install wine64`)
    this.#directory = directory
    this.#env = {
      ...process.env,
      WINEPREFIX: join(directory, 'prefix'),
      WINEARCH: 'win64',
      WINEDEBUG: '-all',
      WINEDLLOVERRIDES: 'mscoree=;mshtml=',
      NODE_SKIP_PLATFORM_CHECK: '1',
      // For test/support/system.ts.
      NET_SOCKOPT_WINE: '1',
      DISPLAY: '',
    }
    mkdirSync(directory, { recursive: true })
    // One that is left from the last time would have the sockets, in the network that it was started in.
    if (existsSync(join(directory, 'prefix'))) spawnSync(wineserver, ['-k'], { env: this.#env })
    if (!existsSync(join(directory, 'prefix', 'system.reg'))) this.#makePrefix()
  }

  /**
   * Runs a program and prints what it wrote. Its output goes through a file: on a pipe Node's stdout throws EBADF
   * in Wine 8.
   */
  run(args, { cwd, env = {}, timeout } = {}) {
    const path = join(this.#directory, 'output.txt')
    const output = openSync(path, 'w')
    const { status } = spawnSync(wine, args, {
      cwd,
      timeout,
      env: { ...this.#env, ...env },
      stdio: ['ignore', output, output],
    })
    closeSync(output)
    process.stdout.write(readFileSync(path))
    return status ?? 1
  }

  #makePrefix() {
    this.#need(['wineboot', '-i'])
    // A new prefix is Windows 7.
    this.#need(['winecfg', '/v', 'win10'])
    const shim = join(
      this.#directory,
      'prefix',
      'drive_c',
      'windows',
      'system32',
      'bcryptprimitives.dll',
    )
    if (existsSync(shim)) return
    const source = fileURLToPath(new URL('bcryptprimitives.c', import.meta.url))
    const compiler = 'x86_64-w64-mingw32-gcc'
    const args = ['-O2', '-shared', '-s', '-o', shim, source, '-ladvapi32']
    if (spawnSync(compiler, args, { stdio: 'inherit' }).status !== 0) {
      throw new Error(`${compiler} failed`)
    }
  }

  #need(args) {
    if (this.run(args, { timeout: 120_000 }) !== 0) throw new Error(`wine ${args.join(' ')} failed`)
  }
}
