import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { native } from '../../lib/binding.js'
import * as api from '../../lib/index.js'
import { platform } from '../../lib/platform.js'
import { openedSince, openSockets } from '../support/descriptors.js'
import { isWine } from '../support/system.js'
import { attack, functionNames } from '../support/wrong-values.js'

interface Findings {
  counts: Record<string, number>
  problems: string[]
  changed: string[]
  leaked: number
}

function expectNothingFound({ counts, problems, changed, leaked }: Findings): void {
  expect(problems).toEqual([])
  expect(changed, 'options of sockets that were only handed over with wrong values').toEqual([])
  expect(leaked, 'descriptors').toBe(0)
  for (const name of functionNames(api)) expect(counts[name], name).toBeGreaterThan(calls / 5)
}

/** Of each function, in either process; Wine asks its server for each. */
const calls = isWine ? 400 : 1000

describe.skipIf(platform === 'darwin')('every exported function, with random wrong values', () => {
  test('documented errors only, nothing changed, nothing left open', async () => {
    const before = openSockets()
    const found = await attack({ api, native, seed: 1, calls })
    expectNothingFound(found)
    expect(found.withoutCaller, 'add a caller to test/support/wrong-values.js').toEqual([])
    expect(openedSince(before)).toEqual([])
  })

  test('in a process of its own (npm run build:ts), which ends by itself', async () => {
    const program = fileURLToPath(new URL('../support/wrong-values-child.js', import.meta.url))
    const child = spawn(process.execPath, [program, '4711', String(calls)], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const [output, errors, ended] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, 'close'),
    ])
    expect(ended, errors).toEqual([0, null])
    expectNothingFound(JSON.parse(output) as Findings)
  })
})
