/**
 * How many clients a server admits while its thread does not turn: those in the queue, and on Windows those that Node
 * has the system accept ahead (32 AcceptEx, or one).
 */
import net from 'node:net'
import { expect, test } from 'vitest'
import { listenWithBacklog, type ListenOptions } from '../../lib/index.js'
import { QueueClients } from '../support/queue-clients.js'
import { closeAtEnd, portOf } from '../support/sockets.js'
import { isRealWindows, isWindows } from '../support/system.js'
import { until } from '../support/until.js'

const backlog = 3
const clients = 60

async function admitted(options: Partial<ListenOptions>, atLeast: number): Promise<number> {
  let accepted = 0
  const server = net.createServer(() => accepted++)
  closeAtEnd(server)
  await listenWithBacklog(server, { port: 0, host: '127.0.0.1', backlog, ...options })
  using queue = new QueueClients(portOf(server), clients)
  queue.waitWhileBlocking(() => queue.connected >= atLeast)
  // Whoever is admitted is so at once; the others try again after a second.
  queue.block(500)
  const { connected } = queue
  expect(accepted).toBe(0)
  // On Windows itself the others are refused.
  await until(() => accepted >= connected)
  return connected
}

/** As Linux counts, and so Wine. */
const queue = backlog + 1
const cases = isWindows
  ? ([
      [undefined, queue + 32],
      [true, queue + 32],
      [false, queue + 1],
    ] as const)
  : ([
      [undefined, queue],
      [true, queue],
      [false, queue],
    ] as const)

test.skipIf(isRealWindows).for(cases)(
  'simultaneousAccepts: %s, backlog 3: %s clients',
  async ([simultaneousAccepts, expected]) => {
    const options = simultaneousAccepts === undefined ? {} : { simultaneousAccepts }
    expect(await admitted(options, expected)).toBe(expected)
  },
)

test.runIf(isRealWindows)('Windows accepts many ahead, or few', async () => {
  const many = await admitted({}, 32)
  expect(many).toBeGreaterThanOrEqual(32)
  const few = await admitted({ simultaneousAccepts: false }, 1)
  expect(few).toBeLessThanOrEqual(8)
})
