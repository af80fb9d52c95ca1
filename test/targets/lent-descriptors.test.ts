/** Handles that hand out duplicates of their descriptor, as Deno's do. */
import { setImmediate as turn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { native } from '../../lib/binding.js'
import { descriptorOf } from '../../lib/descriptor.js'
import { getOption } from '../../lib/index.js'
import { type Handle, handleOf } from '../../lib/node-internals.js'
import { errorOf } from '../support/errors.js'
import { tcpPair } from '../support/sockets.js'
import { isLinux } from '../support/system.js'

// Deno on Linux is the one that is tested (test/shipped/runtimes.test.ts); SO_COOKIE is Linux' own.

function handleWith(fdForIpc: () => number): Handle {
  return { fdForIpc } as unknown as Handle
}

test.runIf(isLinux)('one duplicate is lent for each tick, and closed at its end', async () => {
  const { client } = await tcpPair()
  const own = descriptorOf(handleOf(client)) ?? -1
  let count = 0
  const handle = handleWith(() => {
    count++
    return native.duplicate(own)
  })
  const fd = descriptorOf(handle) ?? -1
  expect(fd).not.toBe(own)
  expect(descriptorOf(handle)).toBe(fd)
  expect(getOption(fd, 'SO_COOKIE')).toBe(getOption(own, 'SO_COOKIE'))
  await turn()
  expect(errorOf(() => getOption(fd, 'SO_TYPE')).code).toBe('EBADF')
  descriptorOf(handle)
  expect(count).toBe(2)
})

test.runIf(isLinux)('a TLS handle lends what the one below it has', async () => {
  const { client } = await tcpPair()
  const own = descriptorOf(handleOf(client)) ?? -1
  const below = handleWith(() => native.duplicate(own))
  const fd = descriptorOf({ _parent: below } as Handle) ?? -1
  expect(getOption(fd, 'SO_COOKIE')).toBe(getOption(own, 'SO_COOKIE'))
})

test('there is nothing to lend before the connection', () => {
  expect(descriptorOf(handleWith(() => -1))).toBe(-1)
})
