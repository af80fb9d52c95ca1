/** The tarball, used in every way that a program may use it, where nothing can be compiled. */
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'
import { describe, expect, test } from 'vitest'
import { nodeBinary } from '../../scripts/node-binaries.js'
import { host } from '../../scripts/targets.js'
import { commandExists } from '../support/commands.js'
import { Project, root } from './tarball.js'

const project = new Project()
const prebuilt = join(project.installed, 'prebuilds', host, 'net-sockopt.node')

/** Sets an option on a listening and on a connected socket and prints both, and which binary did it. */
const use = `
  const server = net.createServer((socket) => socket.resume()).listen(0, '127.0.0.1', () => {
    const socket = net.connect(server.address().port, '127.0.0.1', () => {
      setOption(server, 'SO_KEEPALIVE', true)
      setOption(socket, 'TCP_KEEPIDLE', 77)
      const binaries = process.report.getReport().sharedObjects.filter((name) => name.endsWith('.node'))
      console.log(JSON.stringify({
        values: [getOption(server, 'SO_KEEPALIVE'), getOption(socket, 'TCP_KEEPIDLE')],
        binaries,
      }))
      socket.destroy()
      server.close()
    })
  })
`
const esm = `import net from 'node:net'\nimport { getOption, setOption } from 'net-sockopt'\n${use}`
const cjs = `
  const net = require('node:net')
  const { getOption, setOption } = require('net-sockopt')
  ${use}
`

function expectUse(stdout: string, binary = prebuilt): void {
  expect(JSON.parse(stdout)).toEqual({ values: [true, 77], binaries: [binary] })
}

describe('the tarball', () => {
  test('has what a user needs, and nothing else', () => {
    const sources = [
      'binding.cc',
      'watcher.cc',
      'watcher.h',
      'socket.h',
      'exports.map',
      'exports.txt',
    ]
    const native = readdirNative()
    expect(native).toEqual(expect.arrayContaining(sources))
    const expected = [
      ...['CHANGELOG.md', 'LICENSE', 'README.md', 'binding.gyp', 'package.json'],
      ...['scripts/build-native.js', 'scripts/install.js'],
      ...native.map((name) => `native/${name}`),
    ]
    const built = project.files.filter((path) => /^(dist|prebuilds)\//.test(path))
    expect(project.files.filter((path) => !built.includes(path)).sort()).toEqual(expected.sort())
    expect(built).toContain(`prebuilds/${host}/net-sockopt.node`)
    const strange = built.filter(
      (path) => !isOfSource(path) && !/^prebuilds\/[\w-]+\/net-sockopt\.node$/.test(path),
    )
    expect(strange).toEqual([])
  })

  test('is installed without a compiler, a script or a network', () => {
    const missing = ['cc', 'gcc', 'g++', 'c++', 'clang', 'make', 'python3', 'node-gyp']
    const found = missing.filter(
      (name) => project.run('sh', ['-c', `command -v ${name}`]).status === 0,
    )
    expect(found).toEqual([])
    expect(existsSync(join(project.installed, 'build'))).toBe(false)
  })

  test('compiles nothing when its install script runs', () => {
    project.must('npm', ['rebuild', 'net-sockopt', '--foreground-scripts', '--offline'])
    expect(existsSync(join(project.installed, 'build'))).toBe(false)
  })
})

describe('what is installed', () => {
  test('can be imported', () => {
    project.write('use.mjs', esm)
    expectUse(project.must('node', ['use.mjs']))
  })

  test('can be required', () => {
    project.write('use.cjs', cjs)
    expectUse(project.must('node', ['use.cjs']))
  })

  // The first of each line that can require ES modules, as "engines" has it, and the newest.
  test.runIf(host === 'linux-x64').for(['20.19.0', '22.12.0', '24', '26'])(
    'can be required in Node %s (fetched for Linux x64 only)',
    (version) => {
      project.write('use.cjs', cjs)
      const { status, stdout, stderr } = project.run(nodeBinary(version), ['use.cjs'])
      expectUse(stdout)
      expect(status).toBe(0)
      // 22.12 calls it experimental.
      const experimental =
        /^\(node:\d+\) ExperimentalWarning: .*require\(\).*\n|^.*trace-warnings.*\n|^Support for loading.*\n/gm
      expect(stderr.replace(experimental, '')).toBe('')
    },
  )

  test('works in a worker', () => {
    project.write('use.mjs', esm)
    const start = "new (require('node:worker_threads').Worker)('./use.mjs')"
    expectUse(project.must('node', ['-e', start]))
  })

  test('has a command line tool', () => {
    const tool = join('node_modules', '.bin', 'net-sockopt')
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
      version: string
    }
    expect(project.must(tool, ['--version'])).toBe(`${version}\n`)
    expect(project.must(tool, ['options'])).toContain('TCP_USER_TIMEOUT')
  })

  test('shows TypeScript in stack traces, though it has none', () => {
    const call = "import { setOption } from 'net-sockopt'\nsetOption(-1, 'TCP_NODELAY', true)"
    project.write('fail.mjs', call)
    const { stderr } = project.run('node', ['--enable-source-maps', 'fail.mjs'])
    expect(stderr).toMatch(/^.*\/lib\/errors\.ts:\d+\n.*withCode\(new RangeError/m)
  })
})

describe('TypeScript', () => {
  const typed = `
    const socket = new net.Socket()
    setOption(socket, 'TCP_KEEPIDLE', 77)
    export const idle: number = getOption(socket, 'TCP_KEEPIDLE')
    // @ts-expect-error a number, not a boolean
    setOption(socket, 'TCP_KEEPIDLE', true)
    // @ts-expect-error no such option
    getOption(socket, 'TCP_NONSENSE')
  `
  const imported = `import net from 'node:net'\nimport { getOption, setOption } from 'net-sockopt'`
  const required = `import net = require('node:net')\nimport sockopt = require('net-sockopt')
    const { getOption, setOption } = sockopt`

  function check(file: string, code: string, options: string[]): void {
    if (!existsSync(join(project.directory, 'node_modules', '@types', 'node'))) {
      project.borrow('@types/node')
      project.borrow('undici-types')
    }
    project.write(file, code)
    const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
    const strict = [
      '--noEmit',
      '--strict',
      '--target',
      'es2022',
      '--lib',
      'es2023,esnext.disposable',
      '--types',
      'node',
    ]
    const { stdout, status } = project.run('node', [tsc, ...strict, ...options, file])
    expect(stdout).toBe('')
    expect(status).toBe(0)
  }

  test('knows it with module nodenext, imported', () => {
    check('nodenext.mts', imported + typed, ['--module', 'nodenext'])
  })

  test('knows it with module nodenext, required', () => {
    check('nodenext.cts', required + typed, ['--module', 'nodenext'])
  })

  test('knows it with moduleResolution bundler', () => {
    check('bundler.ts', imported + typed, ['--module', 'esnext', '--moduleResolution', 'bundler'])
  })
})

describe('an esbuild bundle', () => {
  async function bundle(outfile: string, external: string[]): Promise<void> {
    await build({
      entryPoints: [project.write('use.mjs', esm)],
      outfile: join(project.directory, outfile),
      bundle: true,
      platform: 'node',
      format: 'esm',
      external,
      logLevel: 'error',
    })
  }

  test('works with the package left outside', async () => {
    await bundle('out/external.mjs', ['net-sockopt'])
    expectUse(project.must('node', ['out/external.mjs']))
  })

  test('works with everything inside, node-gyp-build and prebuilds/ beside it', async () => {
    await bundle('all/dist/inside.mjs', [])
    const copy = project.write(`all/prebuilds/${host}/net-sockopt.node`, '')
    writeFileSync(copy, readFileSync(prebuilt))
    expectUse(project.must('node', ['all/dist/inside.mjs']), copy)
  })
})

describe('without a binary that fits', () => {
  const prebuilds = join(project.installed, 'prebuilds')

  function withoutPrebuilds(test: () => void): void {
    renameSync(prebuilds, `${prebuilds}.away`)
    try {
      test()
    } finally {
      rmSync(prebuilds, { recursive: true, force: true })
      renameSync(`${prebuilds}.away`, prebuilds)
    }
  }

  const show = `import('net-sockopt').catch(({ code, message }) => console.log(JSON.stringify({ code, message })))`

  function failure(): { code: string; message: string } {
    return JSON.parse(project.must('node', ['-e', show])) as { code: string; message: string }
  }

  test('one error says what was looked for, where, and what to do', () => {
    withoutPrebuilds(() => {
      const { code, message } = failure()
      expect(code).toBe('ERR_DLOPEN_FAILED')
      expect(message).toContain(
        `no binary that loads in Node ${process.version} (${host}, Node-API `,
      )
      expect(message).toContain(
        `Looked for prebuilds/${host}/*.node and build/Release/*.node in ${project.installed}`,
      )
      expect(message).toContain('npm rebuild net-sockopt --foreground-scripts')
    })
  })

  test('a damaged binary is that error too, with the reason', () => {
    withoutPrebuilds(() => {
      project.write(`node_modules/net-sockopt/prebuilds/${host}/net-sockopt.node`, 'damaged')
      const { code, message } = failure()
      expect(code).toBe('ERR_DLOPEN_FAILED')
      expect(message).toMatch(/net-sockopt\.node: (file too short|invalid ELF header)/)
    })
  })

  test.skipIf(!commandExists('make') || !commandExists('c++'))(
    'what the error advises builds one (skipped without a compiler)',
    () => {
      withoutPrebuilds(() => {
        const env = { PATH: process.env.PATH, npm_config_nodedir: process.env.npm_config_nodedir }
        project.must('npm', ['rebuild', 'net-sockopt', '--foreground-scripts'], env)
        const built = join(project.installed, 'build', 'Release', 'net_sockopt.node')
        expectUse(project.must('node', ['use.mjs']), built)
        rmSync(join(project.installed, 'build'), { recursive: true })
      })
    },
  )
})

function readdirNative(): string[] {
  return project.files
    .filter((path) => path.startsWith('native/'))
    .map((path) => path.slice('native/'.length))
}

/** Is it what the compiler makes of a file in lib/? */
function isOfSource(path: string): boolean {
  const source = path.replace(/^dist\//, 'lib/').replace(/(\.d\.ts|\.js|\.js\.map)$/, '')
  return path.startsWith('dist/') && existsSync(join(root, `${source}.ts`))
}
