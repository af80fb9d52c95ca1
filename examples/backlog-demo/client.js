/** The clients, in a process of their own: many connections at once, one HTTP GET on each. */
import http from 'node:http'
import { setImmediate } from 'node:timers/promises'

const agent = new http.Agent({ keepAlive: false })
const perTurn = 100

process.on('disconnect', () => process.exit())
process.once('message', async ({ port, connections, deadline }) => {
  const results = []
  while (results.length < connections) {
    const count = Math.min(perTurn, connections - results.length)
    for (let i = 0; i < count; i++) results.push(get(port, deadline))
    // Lets the loop turn, or our own work would count as connect time.
    await setImmediate()
  }
  process.send(await Promise.all(results))
})
process.send('ready')

/** Milliseconds until the connection stood and until the response was complete; absent if never. */
function get(port, deadline) {
  const started = performance.now()
  const elapsed = () => performance.now() - started
  return new Promise((resolve) => {
    const result = {}
    const request = http.get({ host: '127.0.0.1', port, agent }, (response) => {
      response.on('end', () => (result.response = elapsed())).resume()
    })
    const timer = setTimeout(() => request.destroy(), deadline)
    request.on('socket', (socket) => socket.on('connect', () => (result.connect = elapsed())))
    // A reset or a missed deadline: the result says it by having no response time.
    request.on('error', () => {})
    request.on('close', () => {
      clearTimeout(timer)
      resolve(result)
    })
  })
}
