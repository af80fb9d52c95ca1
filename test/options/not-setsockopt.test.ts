/** Options that are set by a call of their own (requests of Windows), among those that are not. */
import { once } from 'node:events'
import net from 'node:net'
import { expect, test } from 'vitest'
import { applyEntries, type Entry, entriesOf } from '../../lib/batch.js'
import { int } from '../../lib/codec/numbers.js'
import { errnoOf, systemError } from '../../lib/errors.js'
import { getOption } from '../../lib/index.js'
import { applyNowOrLater } from '../../lib/pending.js'
import { platform } from '../../lib/platform.js'
import { type Option, optionOf } from '../../lib/resolve.js'
import { socketOf } from '../../lib/target.js'
import { errorOf } from '../support/errors.js'
import { destroyAtEnd, listening, portOf, tcpPair } from '../support/sockets.js'

function ownOption(name: string, apply: Option['apply']): Option {
  const row = { level: 'IPPROTO_TCP', value: int('count'), about: '' } as const
  const names = { name, nativeName: name, level: 0, number: 0 }
  return optionOf(row, row.value.on(platform), names, apply)
}

test('are applied in their place', async () => {
  const { client } = await tcpPair()
  const before = getOption(client, 'IP_TTL')
  const seen: unknown[] = []
  const look = ownOption('LOOK', (socket, checked) => {
    seen.push([socket === socketOf(client), checked, getOption(client, 'IP_TTL')])
  })
  applyEntries(socketOf(client), [
    { option: look, checked: 1 },
    ...entriesOf({ IP_TTL: 17 }),
    { option: look, checked: 2 },
    ...entriesOf({ IP_TTL: 18 }),
  ])
  expect(seen).toEqual([
    [true, 1, before],
    [true, 2, 17],
  ])
  expect(getOption(client, 'IP_TTL')).toBe(18)
})

test('one that is refused ends it, and the error tells what had been applied', async () => {
  const { client } = await tcpPair()
  const refused = ownOption('REFUSED', () => {
    throw systemError(errnoOf('EOPNOTSUPP'), 'ioctl', { option: 'REFUSED' })
  })
  const entries: Entry[] = [
    ...entriesOf({ IP_TTL: 17 }),
    { option: refused, checked: 1 },
    ...entriesOf({ TCP_NODELAY: true }),
  ]
  const error = errorOf(() => applyEntries(socketOf(client), entries))
  expect(error).toMatchObject({ code: 'EOPNOTSUPP', option: 'REFUSED', applied: ['IP_TTL'] })
  expect([getOption(client, 'IP_TTL'), getOption(client, 'TCP_NODELAY')]).toEqual([17, false])
})

test('an option beside one is refused as ever', async () => {
  const { client } = await tcpPair()
  const nothing = ownOption('NOTHING', () => undefined)
  const entries = [{ option: nothing, checked: 1 }, ...entriesOf({ IP_TTL: 1000 })]
  const error = errorOf(() => applyEntries(socketOf(client), entries))
  expect(error).toMatchObject({ code: 'EINVAL', option: 'IP_TTL', applied: ['NOTHING'] })
})

test('are kept for a socket that still connects, and applied once', async () => {
  const server = await listening(net.createServer())
  const client = net.connect(portOf(server), '127.0.0.1')
  destroyAtEnd(client)
  const applied: unknown[] = []
  const option = ownOption('LATER', (socket, checked) => applied.push([socket, checked]))
  applyNowOrLater(client, [{ option, checked: 5 }])
  expect(applied).toEqual([])
  await once(client, 'connect')
  expect(applied).toEqual([[socketOf(client), 5]])
})
