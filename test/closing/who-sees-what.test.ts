/** Each cell of the table is measured: by the kernel's list of connections, and by a peer that only calls recv(). */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeEach, describe, expect, test } from 'vitest'
import { endsOf, isTimeWaitFull, mebibyte, timeWaitOf } from '../support/closing.js'
import { type Connect, hasPython, usePeers } from '../support/peer.js'
import { portOf } from '../support/sockets.js'
import { type Cells, markers, type Row, rows, table } from './who-sees-what.js'

/** The peer has little room, so that even what fits into our kernel does not fit into its. */
const window = 8192

/** What our kernel takes, although the peer does not read; what both together do not. */
const sizes = { middling: mebibyte / 4, large: 16 * mebibyte }

type Seen = { -readonly [Column in keyof Cells]: string }

/** Does it close while the peer does not read, and so acknowledges no more? And if it has read, but not ended? */
async function whenOursCloses(connect: Connect, { close }: Row): Promise<string> {
  const busy = await endsOf(connect, {}, window)
  busy.ours.write(Buffer.alloc(sizes.large))
  const closed = once(busy.ours, 'close')
  void close(busy.ours)
  const early = await Promise.race([closed, sleep(100)])
  const reading = busy.peer.read()
  if (early) return 'atOnce'

  const idle = await endsOf(connect)
  idle.ours.write('hello')
  const idleClosed = once(idle.ours.resume(), 'close')
  void close(idle.ours)
  await idle.peer.read()
  const beforeEnd = await Promise.race([idleClosed, sleep(500)])
  if (beforeEnd) {
    await reading
    await closed
    return 'acknowledged'
  }
  await idle.peer.close()
  await idleClosed
  return 'peerEnds'
}

async function whatPeerSees(connect: Connect, { close }: Row): Promise<[string, string]> {
  const ends = await endsOf(connect)
  ends.ours.resume().write('hello')
  const closed = once(ends.ours, 'close')
  void close(ends.ours)
  const { head, then } = await ends.peer.read()
  expect(head).toBe('hello')
  await ends.peer.close()
  await closed
  expect(ends.errors).toEqual([])
  const timeWait = await timeWaitOf(portOf(ends.server), ends.peer.port)
  return [then === 'ECONNRESET' ? 'reset' : then, timeWait]
}

async function isComplete(connect: Connect, { close }: Row, size: number): Promise<boolean> {
  const ends = await endsOf(connect, {}, window)
  ends.ours.write(Buffer.alloc(size))
  void close(ends.ours)
  // Only then does the peer begin to read.
  await sleep(30)
  return (await ends.peer.read()).size === size
}

async function whatArrives(connect: Connect, row: Row): Promise<string> {
  if (await isComplete(connect, row, sizes.large)) return 'all'
  return (await isComplete(connect, row, sizes.middling)) ? 'kernel' : 'arrived'
}

describe.skipIf(!hasPython || process.platform !== 'linux')(
  'who sees what (skipped where python3 or /proc/net/tcp is missing)',
  () => {
    const connect = usePeers()
    beforeEach(({ skip }) => skip(isTimeWaitFull(), 'the kernel keeps no more in TIME_WAIT'))

    test.for(rows)('$verb', async (row) => {
      const [[peer, timeWait], ours, data] = await Promise.all([
        whatPeerSees(connect, row),
        whenOursCloses(connect, row),
        whatArrives(connect, row),
      ])
      expect({ ours, peer, timeWait, data } satisfies Seen).toEqual(row.sees)
    })
  },
)

test("the README's table says the same", () => {
  const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8')
  const [, part = ''] = readme.split(markers.begin)
  const lines = part.split(markers.end)[0]?.trim().split('\n') ?? []
  const cells = lines.map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  )
  const isRule = (line: string[]): boolean => line.every((cell) => /^:?-+:?$/.test(cell))
  expect(cells.filter((line) => !isRule(line))).toEqual(table)
})
