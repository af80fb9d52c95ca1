/** Another process that connects and hangs up, as often as the bench asks. */
import net from 'node:net'

const atOnce = 32

process.on('message', async ({ port, connections }) => {
  try {
    await connectAll(port, connections)
    process.send({})
  } catch (error) {
    process.send({ error: error.message })
  }
})

async function connectAll(port, connections) {
  let left = connections
  const oneAfterTheOther = async () => {
    while (left-- > 0) await connectAndClose(port)
  }
  await Promise.all(Array.from({ length: atOnce }, oneAfterTheOther))
}

function connectAndClose(port) {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, '127.0.0.1', () => socket.end())
    socket.resume()
    socket.on('error', reject)
    socket.on('close', resolve)
  })
}
