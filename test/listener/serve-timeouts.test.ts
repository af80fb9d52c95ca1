/**
 * Time-outs of HTTP servers. Node starts them on 'listening', so a server that is merely fed with connections
 * has none: half a request would stay for ever. Each row is run against a server that listens by itself as well.
 */
import { once } from 'node:events'
import http from 'node:http'
import https from 'node:https'
import net from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import tls from 'node:tls'
import { beforeAll, describe, expect, test } from 'vitest'
import { certificate } from '../support/certificate.js'
import { listenerFor } from '../support/listeners.js'
import { closeAtEnd, destroyAtEnd, listening, portOf } from '../support/sockets.js'

let pem: { key: string; cert: string }
beforeAll(async () => {
  pem = await certificate()
})

const starts = {
  async 'a listening server'(server: http.Server): Promise<number> {
    return portOf(await listening(server))
  },
  async 'a served server'(server: http.Server): Promise<number> {
    const listener = await listenerFor()
    closeAtEnd(server)
    await once(listener.serve(server, { maxConnections: 3 }), 'listening')
    return portOf(server)
  },
}

const options = { connectionsCheckingInterval: 50 }
const halfOfHeaders = 'POST / HTTP/1.1\r\nHost: localhost\r\n'
const halfOfBody = `${halfOfHeaders}Content-Length: 10\r\n\r\nhalf`

interface Row {
  name: string
  settings: http.ServerOptions
  timeout?: number
  sent: string
  /** What the client gets before its connection is closed. */
  got: RegExp
}

const rows: Row[] = [
  {
    name: 'headersTimeout: half of the headers',
    settings: { headersTimeout: 300, requestTimeout: 0 },
    sent: halfOfHeaders,
    got: /^HTTP\/1\.1 408 /,
  },
  {
    name: 'headersTimeout: nothing at all',
    settings: { headersTimeout: 300, requestTimeout: 0 },
    sent: '',
    got: /^HTTP\/1\.1 408 /,
  },
  {
    name: 'requestTimeout: half of the body',
    settings: { headersTimeout: 300, requestTimeout: 300 },
    sent: halfOfBody,
    got: /^HTTP\/1\.1 408 /,
  },
  {
    name: 'server.timeout: an idle connection',
    settings: { headersTimeout: 0, requestTimeout: 0 },
    timeout: 300,
    sent: halfOfHeaders,
    got: /^$/,
  },
]

/** Everything until the connection is closed. */
async function textOf(client: net.Socket): Promise<string> {
  let text = ''
  client.on('data', (data) => (text += String(data)))
  await once(client, 'close')
  return text
}

describe.each(Object.entries(starts))('%s', (_name, start) => {
  test.for(rows)('$name', async ({ settings, timeout, sent, got }) => {
    const server = http.createServer({ ...options, ...settings })
    if (timeout !== undefined) server.timeout = timeout
    const client = net.connect(await start(server), '127.0.0.1')
    destroyAtEnd(client)
    client.write(sent)
    expect(await textOf(client)).toMatch(got)
  })

  test('https: half a request', async () => {
    const settings = { ...options, headersTimeout: 300, requestTimeout: 0 }
    const server = https.createServer({ ...pem, ...settings })
    const client = tls.connect({ port: await start(server), rejectUnauthorized: false })
    destroyAtEnd(client)
    client.write(halfOfHeaders)
    expect(await textOf(client)).toMatch(/^HTTP\/1\.1 408 /)
  })

  test('without time-outs, half a request stays', async () => {
    const server = http.createServer({ ...options, headersTimeout: 0, requestTimeout: 0 })
    const client = net.connect(await start(server), '127.0.0.1')
    destroyAtEnd(client)
    client.write(halfOfHeaders)
    await once(client, 'connect')
    await sleep(500)
    expect(client.destroyed).toBe(false)
  })
})

test('half requests cannot keep the places of a served server', async () => {
  const listener = await listenerFor()
  const server = http.createServer({ ...options, headersTimeout: 300 }, (_request, response) =>
    response.end('welcome'),
  )
  listener.serve(server, { maxConnections: 2 })
  closeAtEnd(server)
  for (let i = 0; i < 2; i++) {
    const client = net.connect(portOf(server), '127.0.0.1')
    destroyAtEnd(client)
    client.resume().write(halfOfHeaders)
    await once(client, 'connect')
  }
  const request = http.get({ port: portOf(server), host: '127.0.0.1', agent: false })
  const [response] = (await once(request, 'response')) as [http.IncomingMessage]
  expect(response.statusCode).toBe(200)
  response.resume()
})
