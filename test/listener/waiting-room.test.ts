/** Document 002's scenario, as the example prints it: once with each `stale`. */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, test } from 'vitest'

const example = fileURLToPath(new URL('../../examples/waiting-room.js', import.meta.url))

const before = [
  'A has the only place, queue 0 of 100',
  'B connects: success, as far as B can see; the kernel has it ESTABLISHED with 7 bytes to read',
  'B closes: the kernel has it CLOSE_WAIT with 7 bytes to read, queue 1 of 100',
  'C connects: success, as far as C can see; the kernel has it ESTABLISHED with 0 bytes to read',
  'C closes without a word: the kernel has it CLOSE_WAIT with 0 bytes to read, queue 2 of 100',
  'D connects: success, as far as D can see; the kernel has it ESTABLISHED with 7 bytes to read',
  'D resets: the kernel has no connection any more, queue 3 of 100',
  'E connects and waits, queue 4 of 100',
  'A leaves',
]

/** Whom the program meets although they have gone. */
const meets = {
  keep: ['LOGIN B', 'somebody who said nothing', 'LOGIN D'],
  'drop-reset': ['LOGIN B', 'somebody who said nothing'],
  'drop-ended': ['LOGIN B'],
}

describe.skipIf(process.platform !== 'linux')(
  'examples/waiting-room.js (skipped where /proc/net/tcp is missing)',
  () => {
    let lines: string[] = []
    beforeAll(() => {
      const { stdout, stderr, status } = spawnSync(process.execPath, [example], {
        encoding: 'utf8',
      })
      expect(stderr).toBe('')
      expect(status).toBe(0)
      lines = stdout.split('\n')
    })

    test.for(Object.entries(meets))('%s', ([stale, met]) => {
      const after = ['LOGIN A', ...met].map((who) => `the program is done with ${who}`)
      const expected = [
        ...before,
        ...after,
        'E reads "welcome, E", and no answer that was meant for others',
        'the program is done with LOGIN E',
        `accepted ${met.length + 2}, dropped ${3 - met.length}`,
      ]
      const own = lines.filter((line) => line.startsWith(`${stale}: `))
      expect(own).toEqual(expected.map((line) => `${stale}: ${line}`))
    })
  },
)
