/** Another process that connects and stays until the server closes. */
import net from 'node:net'
import { answer } from './child.js'
import { repeat } from './repeat.js'

const open = new Map()

/** Connects, or waits until all that it has are closed. */
answer(({ port, connections }) =>
  connections === undefined ? closed() : repeat(connections, () => connect(port)),
)

function connect(port) {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, '127.0.0.1', resolve)
    socket.resume()
    socket.on('error', reject)
    open.set(socket, new Promise((closed) => socket.on('close', closed)))
  })
}

async function closed() {
  await Promise.all(open.values())
  open.clear()
}
