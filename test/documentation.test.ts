/** Every example in the README and in a docstring runs as it stands. */
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import * as api from '../lib/index.js'

const root = new URL('..', import.meta.url)

function read(path: string): string {
  return readFileSync(new URL(path, root), 'utf8')
}

function expectToRun(source: string): void {
  const { status, stderr } = spawnSync(
    process.execPath,
    ['--input-type=module', '--eval', source],
    { cwd: root, encoding: 'utf8', timeout: 15_000 },
  )
  expect(stderr).toBe('')
  expect(status).toBe(0)
}

describe('README', () => {
  const blocks = [...read('README.md').matchAll(/```js\n(.*?)```/gs)].map(([, code = '']) => code)

  test('has its five calls, and two for the listener', () => {
    expect(blocks).toHaveLength(7)
  })

  test.for(blocks)('%s', (code) => expectToRun(code))
})

describe('docstrings', () => {
  const files = readdirSync(new URL('lib', root), { recursive: true, encoding: 'utf8' })
  const sources = files
    .filter((file) => /^(?!lab|cli).*\.ts$/.test(file))
    .map((file) => read(`lib/${file}`))
  const examples = sources.flatMap((source) =>
    [
      ...source.matchAll(
        / \* @example\n((?: \*.*\n)+?) \*\/\nexport (?:async )?(?:function|const|class) (\w+)/g,
      ),
    ].map(([, lines = '', name = '']) => ({ name, code: lines.replace(/^ \* ?/gm, '') })),
  )

  test('every exported function and table has an example', () => {
    expect(examples.map(({ name }) => name).sort()).toEqual(Object.keys(api).sort())
  })

  test.for(examples)('$name', ({ code }) => expectToRun(code))
})

test('require() gives the same functions as import', () => {
  const source = `console.log(Object.keys(require('net-sockopt')).sort().join())`
  const { stdout } = spawnSync(process.execPath, ['--eval', source], {
    cwd: root,
    encoding: 'utf8',
  })
  const names = Object.keys(api).sort().join()
  expect(
    stdout
      .trim()
      .split(',')
      .filter((name) => name in api)
      .join(),
  ).toBe(names)
})
