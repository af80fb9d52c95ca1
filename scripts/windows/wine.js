// Windows programs on Linux: a Wine prefix of our own, and a way to run something in it.
import { spawnSync } from 'node:child_process'
import { closeSync, existsSync, mkdirSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const wine = '/usr/lib/wine/wine64'
const wineserver = '/usr/lib/wine/wineserver64'

export class Wine {
  #directory
  #through
  #env

  /**
   * @param {string} directory where the prefix and the output of programs are kept
   * @param {string} version for test/support/system.ts
   * @param {string[]} through a command that runs another one where that Wine is
   */
  constructor(directory, version, through = []) {
    if (through.length === 0 && !existsSync(wine)) {
      throw new Error(`${wine} is missing: apt-get install wine64`)
    }
    this.#directory = directory
    this.#through = through
    this.#env = {
      ...process.env,
      WINEPREFIX: join(directory, 'prefix'),
      WINEARCH: 'win64',
      WINEDEBUG: '-all',
      WINEDLLOVERRIDES: 'mscoree=;mshtml=',
      NODE_SKIP_PLATFORM_CHECK: '1',
      NET_SOCKOPT_WINE: version,
      DISPLAY: '',
      // A path of this system's, which Node would warn of.
      NODE_EXTRA_CA_CERTS: undefined,
    }
    mkdirSync(directory, { recursive: true })
    // One that is left from the last time would have the sockets, in the network that it was started in.
    if (existsSync(join(directory, 'prefix'))) this.#spawn([wineserver, '-k'])
    if (!existsSync(join(directory, 'prefix', 'system.reg'))) this.#makePrefix()
  }

  /**
   * Runs a program and prints what it wrote. Its output goes through a file: on a pipe Node's stdout throws EBADF
   * in Wine 8.
   */
  run(args, { cwd = this.#directory, env = {}, timeout } = {}) {
    const path = join(this.#directory, 'output.txt')
    const output = openSync(path, 'w')
    const stdio = ['ignore', output, output]
    const { status } = this.#spawn([wine, ...args], { cwd, timeout, stdio, env })
    closeSync(output)
    process.stdout.write(readFileSync(path))
    return status ?? 1
  }

  #spawn(command, { env, ...options } = {}) {
    const [program, ...args] = [...this.#through, ...command]
    const cwd = this.#directory
    return spawnSync(program, args, { cwd, ...options, env: { ...this.#env, ...env } })
  }

  #makePrefix() {
    this.#need(['wineboot', '-i'])
    // A new prefix is Windows 7.
    this.#need(['winecfg', '/v', 'win10'])
    const system = join(this.#directory, 'prefix', 'drive_c', 'windows', 'system32')
    const shim = join(system, 'bcryptprimitives.dll')
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
