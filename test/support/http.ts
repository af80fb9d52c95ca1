import { once } from 'node:events'
import http from 'node:http'

/**
 * What a server answers to GET /, over a connection of its own. Not with fetch(), which sets keep-alive before it
 * connects: Node then sets TCP_KEEPIDLE, which Wine 8 lacks, and cannot connect (UNKNOWN).
 */
export async function getText(port: number): Promise<string> {
  const request = http.get({ port, host: '127.0.0.1', agent: false })
  const [response] = (await once(request, 'response')) as [http.IncomingMessage]
  return String(Buffer.concat((await response.toArray()) as Buffer[]))
}
