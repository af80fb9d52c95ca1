/** Every example in the README and in a docstring runs as it stands. */
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { Worker } from 'node:worker_threads'
import { describe, expect, onTestFinished, test } from 'vitest'
import * as api from '../lib/index.js'
import { isWindows, isWine } from './support/system.js'
import { isSupported } from './support/untyped.js'

const root = new URL('..', import.meta.url)

function read(path: string): string {
  return readFileSync(new URL(path, root), 'utf8')
}

interface Lack {
  /** How an example shows that it wants it. */
  uses: RegExp
  /** The error that tells that it is not there. */
  code: RegExp
  says: RegExp
  /** It is there on some of these systems. */
  perhaps?: true
}

/** What examples use and Windows lacks. */
const lacks: Lack[] = [
  {
    uses: /\b(getAcceptQueue|setBacklog)\(|\.queue\b/,
    code: /^ENOPROTOOPT$/,
    says: /Windows (has no way to ask|cannot change the backlog)/,
  },
  {
    uses: /\bclose(Lingering|WithoutTimeWait)\(/,
    code: /^EOPNOTSUPP$/,
    says: /Windows/,
    perhaps: true,
  },
  // Linux' numbers.
  {
    uses: /\bSOL_SOCKET = 1\b/,
    code: /^(EINVAL|ENOPROTOOPT)$/,
    says: /getsockopt \w+ level 1 option 3/,
  },
  ...(isSupported('TCP_MAXRT')
    ? []
    : [{ uses: /\b[gs]etUserTimeout\(/, code: /^ENOPROTOOPT$/, says: /TCP_MAXRT/ }]),
  ...(isSupported('TCP_KEEPIDLE')
    ? []
    : [{ uses: /keepAlive/i, code: /^ENOPROTOOPT$/, says: /TCP_KEEP/, perhaps: true as const }]),
  ...Object.keys(api.options)
    .filter((name) => !isSupported(name))
    .map((name) => ({
      // Anything may be asked for.
      uses: new RegExp(`(?<!isSupported\\('|options\\.)\\b${name}\\b`),
      code: /^ENOPROTOOPT$/,
      says: new RegExp(`^[gs]etsockopt ENOPROTOOPT ${name}\\b`),
    })),
]

/** Wine hides an RST that came before the client read (recv() gives 0): who waits for it waits for ever. */
function hangsInWine(source: string): boolean {
  return isWine && source.includes(".port).on('error'")
}

/**
 * In a thread of ours: a process for each would take Windows minutes. An example that wants what Windows lacks
 * must end with the error that says so.
 */
async function expectToRunInThread(source: string): Promise<void> {
  const index = new URL('dist/index.js', root).href
  const code = source.replaceAll("'net-sockopt'", `'${index}'`)
  const url = new URL(`data:text/javascript,${encodeURIComponent(code)}`)
  const thread = new Worker(url, { stdout: true, stderr: true })
  onTestFinished(() => void thread.terminate())
  const complaints = text(thread.stderr)
  const lacking = lacks.filter(({ uses }) => uses.test(source))
  try {
    // Rejects with what the example does not catch.
    const [status] = (await once(thread, 'exit')) as [number]
    expect(status).toBe(0)
    expect(await complaints).toBe('')
  } catch (error) {
    const { code, message } = error as Error & { code?: string }
    const told = lacking.some((lack) => lack.code.test(code ?? '') && lack.says.test(message))
    if (told) return
    throw error
  }
  const certain = lacking.filter(({ perhaps }) => perhaps !== true)
  expect(certain, 'it ran, although these are not there').toEqual([])
}

function expectToRun(source: string): void | Promise<void> {
  if (isWindows) return expectToRunInThread(source)
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

  test.for(blocks)('%s', (code, { skip }) => {
    skip(hangsInWine(code), 'Wine')
    return expectToRun(code)
  })
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

  test.for(examples)('$name', ({ code }, { skip }) => {
    skip(hangsInWine(code), 'Wine')
    return expectToRun(code)
  })
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
