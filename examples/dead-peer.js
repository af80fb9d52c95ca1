/**
 * A client that notices a dead peer. Keep-alive watches a connection while nothing is sent; the user timeout
 * watches data that the peer does not take. Without them a request to a machine that has lost its power
 * hangs for 15 minutes, one that only waits for the response hangs for ever.
 */
import http from 'node:http'
import { createServer } from 'node:net'
import { getKeepAlive, getUserTimeout, setKeepAlive, setUserTimeout } from 'net-sockopt'

// A peer that hangs: its kernel takes the first of our data, then nobody reads on.
const hanging = createServer({ pauseOnConnect: true })
await new Promise((listening) => hanging.listen(0, '127.0.0.1', listening))

const request = http.request({
  host: '127.0.0.1',
  port: hanging.address().port,
  method: 'POST',
  // An agent that reuses connections calls socket.setKeepAlive(), which overwrites interval and count.
  agent: false,
  // Last resort, for systems whose user timeout does not count a peer that answers without taking data.
  signal: AbortSignal.timeout(10_000),
})

request.on('socket', (socket) => {
  // The socket is still connecting: both are kept, and set as soon as it has a descriptor.
  setKeepAlive(socket, { idle: 10_000, interval: 2000, count: 3 })
  setUserTimeout(socket, 1000)
  socket.on('connect', () => {
    console.log('kernel keeps, keep-alive:', getKeepAlive(socket))
    console.log('kernel keeps, user timeout:', getUserTimeout(socket), 'ms')
  })
})

const started = performance.now()
request.on('error', (error) => {
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  console.log(`the request failed with ${error.code} after ${seconds} s`)
  // The peer still has its half of the connection.
  process.exit()
})
request.end(Buffer.alloc(32 * 1024 * 1024))
