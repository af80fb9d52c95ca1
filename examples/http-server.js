/**
 * An HTTP server for the open Internet: room for bursts, and dead clients that are noticed. All is set once,
 * on the listener: accepted sockets inherit it, which costs nothing per connection.
 */
import { createServer } from 'node:http'
import {
  getAcceptQueue,
  getKeepAlive,
  getOption,
  getUserTimeout,
  isSupported,
  listenWithBacklog,
} from 'net-sockopt'

const server = createServer((request, response) => response.end('hello\n'))

await listenWithBacklog(server, {
  host: '127.0.0.1',
  port: 0,
  backlog: 4096,
  keepAlive: { idle: 30_000, interval: 10_000, count: 3 },
  userTimeout: 30_000,
  // Linux only: who connects and sends nothing is not accepted for up to 7 s. Not 5, since the kernel keeps
  // this in steps of 1, 3, 7, 15 ... seconds.
  socketOptions: isSupported('TCP_DEFER_ACCEPT') ? { TCP_DEFER_ACCEPT: 7 } : {},
})

server.on('connection', (socket) => {
  console.log('accepted socket, keep-alive:', getKeepAlive(socket))
  console.log('accepted socket, user timeout:', getUserTimeout(socket), 'ms')
})

if (isSupported('TCP_DEFER_ACCEPT')) {
  console.log('TCP_DEFER_ACCEPT:', getOption(server, 'TCP_DEFER_ACCEPT'), 's')
}
// A metric worth watching: a queue near its limit means that the loop accepts too slowly. Windows cannot tell.
if (process.platform !== 'win32') console.log('accept queue:', getAcceptQueue(server))

const response = await fetch(`http://127.0.0.1:${server.address().port}/`)
console.log('response:', response.status, (await response.text()).trim())

server.close()
server.closeAllConnections()
