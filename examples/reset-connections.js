/**
 * A server that resets connections instead of closing them. The side that closes first keeps TIME_WAIT for a
 * minute; with SO_LINGER 0 nothing remains, for the price that the client sees an error and that
 * unsent data is lost. Right for clients that misbehave, wrong as a general way to close.
 */
import { readFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { setLinger } from 'net-sockopt'

for (const reset of [false, true]) {
  const server = createServer((socket) => {
    if (reset) setLinger(socket, 0)
    socket.destroy()
  })
  await new Promise((listening) => server.listen(0, '127.0.0.1', listening))
  const { port } = server.address()
  console.log(reset ? 'reset:' : 'close:', 'the client sees', await visit(port))
  console.log(reset ? 'reset:' : 'close:', 'the server keeps', timeWaits(port), 'in TIME_WAIT')
  server.close()
}

function visit(port) {
  return new Promise((closed) => {
    let seen = 'nothing'
    const socket = connect(port, '127.0.0.1').resume()
    socket.on('end', () => (seen = 'the end of the stream'))
    socket.on('error', (error) => (seen = error.code))
    socket.on('close', () => closed(seen))
  })
}

/** Local address, then remote address, then the state: 06 is TIME_WAIT (proc_pid_net(5)). */
function timeWaits(port) {
  if (process.platform !== 'linux') return 'an unknown number'
  const local = `:${port.toString(16).toUpperCase().padStart(4, '0')} `
  const lines = readFileSync('/proc/net/tcp', 'utf8').split('\n')
  return lines.filter((line) => new RegExp(`^ *\\d+: \\w+${local}\\S+ 06 `).test(line)).length
}
