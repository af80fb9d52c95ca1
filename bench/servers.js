/** Servers for the accept path: they differ in when and how an accepted socket gets its options. */
import { once } from 'node:events'
import net from 'node:net'
import { listenWithBacklog } from '../dist/index.js'
import * as five from './five-options.js'
import { calls } from './floor.js'

const where = { host: '127.0.0.1', port: 0 }

/** A plain server, with something done to each socket, and options of Node's own. */
const plain = (setUp, options = {}) => ({
  listen: async (onConnection) => {
    const handler =
      setUp === undefined
        ? onConnection
        : (socket) => {
            setUp(socket, 0)
            onConnection(socket)
          }
    const server = net.createServer(options, handler).listen({ ...where, backlog: 511 })
    await once(server, 'listening')
    return server
  },
  expected: setUp === undefined ? [] : five.fiveCalls,
})

const inheriting = {
  role: 'inherited',
  listen: (onConnection) =>
    listenWithBacklog(net.createServer(onConnection), {
      ...where,
      backlog: 511,
      keepAlive: { idle: 60_000, interval: 10_000, count: 3 },
      userTimeout: 30_000,
    }),
  expected: five.fiveCalls,
}

const nodesOwn = {
  ...plain(undefined, { keepAlive: true, keepAliveInitialDelay: 60_000 }),
  expected: [calls.SO_KEEPALIVE, calls.TCP_KEEPIDLE],
}

/** The first is what all others are compared with, the second tells how far equals differ. */
export const servers = {
  'plain server': plain(),
  'the same again (noise)': { role: 'noise', ...plain() },
  'five options on the listener, inherited': inheriting,
  'setOptions per connection': plain(five.setTogether),
  'five setOption per connection': plain(five.setOneByOne),
  "Node's own keepAlive option (two of the five)": nodesOwn,
  'koffi per connection': plain(five.setWithKoffi),
  'sockopt per connection': plain(five.setWithSockopt),
  'net-keepalive per connection': plain(five.setWithNetKeepalive),
}
