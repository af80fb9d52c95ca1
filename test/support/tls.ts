/** Both ends of a TLS connection, with their server, closed when the test is over. */
import { once } from 'node:events'
import tls from 'node:tls'
import { destroyAtEnd, listening, portOf } from './sockets.js'

export interface TlsEnds {
  server: tls.Server
  client: tls.TLSSocket
  accepted: tls.TLSSocket
}

export async function tlsEnds(pem: { key: string; cert: string }): Promise<TlsEnds> {
  const server = await listening(tls.createServer(pem))
  const accepting = once(server, 'secureConnection') as Promise<[tls.TLSSocket]>
  const port = portOf(server)
  const client = tls.connect({ port, host: '127.0.0.1', rejectUnauthorized: false })
  destroyAtEnd(client)
  const [[accepted]] = await Promise.all([accepting, once(client, 'secureConnect')])
  destroyAtEnd(accepted)
  return { server, client, accepted }
}
