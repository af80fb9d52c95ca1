/** Connected TCP sockets on the loopback. */
import { once } from 'node:events'
import net from 'node:net'

/** A client socket whose other end reads and discards; `close()` ends both and the server. */
export async function connectedSocket() {
  const server = net.createServer((peer) => peer.resume())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const socket = net.connect(server.address().port, '127.0.0.1')
  await once(socket, 'connect')
  const close = () => {
    socket.destroy()
    server.close()
  }
  return { socket, fd: socket._handle.fd, close }
}
