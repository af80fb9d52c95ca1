/** The packed binary in Node under its permission model, in Bun and in Deno, as docs/runtimes.md has it. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { fetched } from '../../scripts/fetched.js'
import { nodeBinary } from '../../scripts/node-binaries.js'
import { host } from '../../scripts/targets.js'
import { differences, type Outcomes, outcomesOf } from './outcomes.js'
import { Project } from './tarball.js'

const project = new Project()
const entry = join(project.installed, 'dist', 'index.js')
const onlyLinux = 'skipped but on Linux x64'

const outcomes = async (command: string[]): Promise<Outcomes> => outcomesOf(command, {}, entry)

/** The table of the page: a runtime's column, by row. */
function column(name: string): Record<string, string> {
  const page = readFileSync(new URL('../../docs/runtimes.md', import.meta.url), 'utf8')
  const [, table = ''] = page.split(/<!-- runtimes:(?:begin|end) -->/)
  const rows = table
    .trim()
    .split('\n')
    .map((line) => line.split('|').map((cell) => cell.trim()))
  const at = rows[0]?.findIndex((cell) => cell.startsWith(name)) ?? -1
  return Object.fromEntries(rows.slice(2).map((row) => [row[1], row[at]]))
}

/** The same of what came of it; an error counts as "no" if it is the one that the page names. */
function answers({ features }: Outcomes, runtime: string): Record<string, string> {
  const refusal = new RegExp(
    `^ERR_FEATURE_UNAVAILABLE_ON_PLATFORM: .* cannot be had in ${runtime}: `,
  )
  const answer = (outcome: string): string =>
    outcome === 'ok' ? 'yes' : refusal.test(outcome) ? 'no' : outcome
  return Object.fromEntries(
    Object.entries(features).map(([name, outcome]) => [name, answer(outcome)]),
  )
}

let node: Outcomes
beforeAll(async () => {
  node = await outcomes([process.execPath])
})

test('Node does everything', () => {
  expect(answers(node, 'Node')).toEqual(column('Node'))
  expect(new Set(Object.values(column('Node')))).toEqual(new Set(['yes']))
})

describe.skipIf(host !== 'linux-x64')(`Bun (${onlyLinux})`, () => {
  const bun = () => fetched('@oven/bun-linux-x64@1.4.5', 'node_modules/@oven/bun-linux-x64/bin/bun')

  test('does what the page says, and every option', async () => {
    const there = await outcomes([bun()])
    expect(answers(there, 'Bun')).toEqual(column('Bun'))
    expect(differences(there, node).options).toEqual({})
  })

  test('is never asked for what it dies of', () => {
    project.write(
      'walk.mjs',
      `import { findSocket } from './node_modules/net-sockopt/dist/descriptor.js'
       try {
         findSocket({ hasRef: () => true })
       } catch ({ code }) {
         console.log(code)
       }`,
    )
    const answer = project.must(bun(), ['walk.mjs'])
    expect(answer).toBe('ERR_FEATURE_UNAVAILABLE_ON_PLATFORM\n')
  })

  test('can require it', () => {
    project.write('require.cjs', "console.log(typeof require('net-sockopt').setOption)")
    expect(project.must(bun(), ['require.cjs'])).toBe('function\n')
  })
})

describe.skipIf(host !== 'linux-x64')(`Deno (${onlyLinux})`, () => {
  const deno = () =>
    fetched('@deno/linux-x64-glibc@2.9.6', 'node_modules/@deno/linux-x64-glibc/deno')
  const allowed = ['--allow-ffi', '--allow-read', '--allow-env']

  test('does what the page says, and every option', async () => {
    const there = await outcomes([deno(), 'run', '--allow-all'])
    expect(answers(there, 'Deno')).toEqual(column('Deno'))
    expect(differences(there, node).options).toEqual({})
  })

  test('needs so many permissions, and says so', () => {
    project.write(
      'load.mjs',
      `import { isSupported } from 'net-sockopt'\nconsole.log(isSupported('TCP_NODELAY'))`,
    )
    expect(project.must(deno(), ['run', '--no-prompt', ...allowed, 'load.mjs'])).toBe('true\n')
    for (const without of ['--allow-ffi', '--allow-env']) {
      const rest = allowed.filter((each) => each !== without)
      const { status, stderr } = project.run(deno(), ['run', '--no-prompt', ...rest, 'load.mjs'])
      expect(status).toBe(1)
      expect(stderr).toContain('this process may not load any: allow it with')
      expect(stderr).toContain(`run again with the ${without} flag`)
    }
  })

  test('gets its duplicates back, and its connections end at once', () => {
    project.write(
      'lent.mjs',
      `
      import { readdirSync } from 'node:fs'
      import net from 'node:net'
      import { setOption } from 'net-sockopt'

      const server = net.createServer((socket) => socket.resume().on('end', () => {
        console.log('ended')
        socket.destroy()
        server.close()
      }))
      server.listen(0, '127.0.0.1', () => {
        const socket = net.connect(server.address().port, '127.0.0.1', async () => {
          const before = readdirSync('/proc/self/fd').length
          for (let i = 0; i < 100; i++) {
            for (let j = 0; j < 10; j++) setOption(socket, 'TCP_KEEPIDLE', 70 + j)
            setOption(server, 'SO_KEEPALIVE', true)
            await null
          }
          await new Promise((resolve) => setTimeout(resolve))
          console.log(readdirSync('/proc/self/fd').length - before)
          setOption(socket, 'TCP_KEEPIDLE', 70)
          socket.destroy()
        })
      })
    `,
    )
    expect(project.must(deno(), ['run', '--allow-all', 'lent.mjs'])).toBe('0\nended\n')
  })
})

describe.skipIf(host !== 'linux-x64')(`the permission model of Node (${onlyLinux})`, () => {
  const read = ['--allow-fs-read=*', '--allow-fs-write=*']
  /** By version: how it is switched on, and what the net needs. */
  const versions = [
    { version: '20', flags: ['--experimental-permission', ...read] },
    { version: '24', flags: ['--permission', ...read] },
    { version: '26', flags: ['--permission', '--allow-net', ...read] },
  ]

  test.for(versions)(
    '$version: without --allow-addons one error says to pass it',
    ({ version, flags }) => {
      const load = `import('net-sockopt').catch(({ code, message }) => console.log(code, message))`
      const { status, stdout } = spawnSync(nodeBinary(version), [...flags, '-e', load], {
        cwd: project.directory,
        encoding: 'utf8',
      })
      expect(status).toBe(0)
      expect(stdout).toMatch(
        /^ERR_DLOPEN_DISABLED net-sockopt needs an addon, .*--allow-addons \(Node/,
      )
    },
  )

  test.for(versions)('$version: with it everything works', async ({ version, flags }) => {
    const there = await outcomes([nodeBinary(version), ...flags, '--allow-addons'])
    expect(answers(there, 'Node')).toEqual(column('Node'))
  })
})
