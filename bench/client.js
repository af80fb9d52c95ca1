/** Another process that connects and hangs up, as often as the bench asks. */
import net from 'node:net'
import { answer } from './child.js'
import { repeat } from './repeat.js'

answer(({ port, connections }) => repeat(connections, () => connectAndClose(port)))

function connectAndClose(port) {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, '127.0.0.1', () => socket.end())
    socket.resume()
    socket.on('error', reject)
    socket.on('close', resolve)
  })
}
