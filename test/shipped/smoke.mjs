/**
 * Tries every option and every function once, in whatever runs it, and prints what came of it: 'ok' or an
 * error. The package is the argument.
 *
 *   node test/shipped/smoke.mjs <net-sockopt> <key.pem> <certificate.pem>
 */
import dgram from 'node:dgram'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import tls from 'node:tls'

const [, , name, keyFile, certificateFile] = process.argv
const sockopt = await import(name)
const key = readFileSync(keyFile)
const cert = readFileSync(certificateFile)

const directory = mkdtempSync(join(tmpdir(), 'net-sockopt-'))
let sockets = 0
const newPath = () => join(directory, `${sockets++}.sock`)

/** Thrown later, outside of what we wait for. */
const uncaught = []
process.on('uncaughtException', (error) => uncaught.push(error))
process.on('unhandledRejection', (error) => uncaught.push(error))

/** What the parts of a test have opened. */
let opened = []

async function pair(place = { port: 0, host: '127.0.0.1' }, options = {}) {
  const server = net.createServer(options)
  opened.push(server)
  const accepting = once(server, 'connection')
  server.listen(place)
  await once(server, 'listening')
  const client = await connected(place.path ? place : { ...place, port: server.address().port })
  const [accepted] = await accepting
  keep(accepted)
  return { server, client, accepted }
}

function keep(socket) {
  opened.push(socket)
  socket.on('error', () => {})
}

async function connected(place) {
  const client = net.connect(place)
  keep(client)
  await once(client, 'connect')
  return client
}

async function datagram(type) {
  const socket = dgram.createSocket(type)
  opened.push(socket)
  socket.bind(0)
  await once(socket, 'listening')
  return socket
}

function closeAll() {
  for (const each of opened) {
    try {
      if (each.destroy) each.destroy()
      else each.close()
    } catch {
      // Closed already.
    }
  }
  opened = []
}

function equal(value, expected) {
  const [is, should] = [value, expected].map((each) => JSON.stringify(each))
  if (is !== should) throw new Error(`${is} instead of ${should}`)
}

function setAndGet(socket, name, value) {
  sockopt.setOption(socket, name, value)
  equal(sockopt.getOption(socket, name), value)
}

/** The error that a socket ends with. */
async function errorOf(socket) {
  socket.resume()
  const [error] = await once(socket, 'error')
  return error.code
}

const features = {
  'options of a connected socket': async () => {
    const { client } = await pair()
    setAndGet(client, 'TCP_NODELAY', true)
    setAndGet(client, 'TCP_KEEPIDLE', 77)
  },
  'options of an accepted socket': async () => {
    const { accepted } = await pair()
    setAndGet(accepted, 'TCP_NODELAY', true)
    setAndGet(accepted, 'TCP_KEEPIDLE', 77)
  },
  'options of a listening server': async () => {
    const { server } = await pair()
    setAndGet(server, 'SO_KEEPALIVE', true)
  },
  'options of a socket that still connects': async () => {
    const { server } = await pair()
    const client = net.connect(server.address().port, '127.0.0.1')
    keep(client)
    sockopt.setOption(client, 'TCP_KEEPIDLE', 78)
    await once(client, 'connect')
    equal(sockopt.getOption(client, 'TCP_KEEPIDLE'), 78)
  },
  'options of a Unix socket': async () => {
    const { client } = await pair({ path: newPath() })
    setAndGet(client, 'SO_KEEPALIVE', true)
  },
  'options of TLS sockets': async () => {
    const server = tls.createServer({ key, cert })
    opened.push(server)
    const accepting = once(server, 'secureConnection')
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const client = tls.connect({
      port: server.address().port,
      host: '127.0.0.1',
      rejectUnauthorized: false,
    })
    keep(client)
    const [[accepted]] = await Promise.all([accepting, once(client, 'secureConnect')])
    keep(accepted)
    for (const socket of [client, accepted]) setAndGet(socket, 'TCP_KEEPIDLE', 76)
  },
  'options of a datagram socket': async () => setAndGet(await datagram('udp4'), 'IP_TTL', 9),
  'setOptions, getOptions': async () => {
    const { client } = await pair()
    sockopt.setOptions(client, { TCP_NODELAY: true, SO_KEEPALIVE: true })
    const values = sockopt.getOptions(client, ['TCP_NODELAY', 'SO_KEEPALIVE'])
    equal(values, { TCP_NODELAY: true, SO_KEEPALIVE: true })
  },
  'setKeepAlive, getKeepAlive': async () => {
    const { client } = await pair()
    const value = { idle: 9000, interval: 2000, count: 3 }
    sockopt.setKeepAlive(client, value)
    equal(sockopt.getKeepAlive(client), value)
  },
  'setLinger, getLinger': async () => {
    const { client } = await pair()
    sockopt.setLinger(client, 2000)
    equal(sockopt.getLinger(client), 2000)
    sockopt.setLinger(client, null)
  },
  'setUserTimeout, getUserTimeout': async () => {
    const { client } = await pair()
    sockopt.setUserTimeout(client, 4000)
    equal(sockopt.getUserTimeout(client), 4000)
  },
  ioctl: async () => {
    const { client, accepted } = await pair()
    client.write('seven..')
    accepted.pause()
    for (let i = 0; sockopt.ioctl(client, 'SIOCOUTQ') > 0 && i < 100; i++) {
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    equal(sockopt.ioctl(client, 'SIOCOUTQ'), 0)
  },
  getAcceptQueue: async () => {
    const { server } = await pair()
    equal(sockopt.getAcceptQueue(server).length, 0)
  },
  setBacklog: async () => {
    const { server } = await pair()
    sockopt.setBacklog(server, 33)
    equal(sockopt.getAcceptQueue(server), { length: 0, limit: 33 })
  },
  listenWithBacklog: async () => listenExactly({ port: 0, host: '127.0.0.1' }),
  'listenWithBacklog on a Unix socket': async () => listenExactly({ path: newPath() }),
  TcpListener: async () => {
    const listener = await sockopt.TcpListener.listen({ port: 0, host: '127.0.0.1', backlog: 5 })
    opened.push({ destroy: () => void listener.close() })
    const client = await connected({ ...listener.address(), host: '127.0.0.1' })
    const accepted = await listener.accept()
    keep(accepted)
    accepted.write('hello')
    equal(String(await once(client, 'data')), 'hello')
  },
  resetConnection: async () => {
    const { client, accepted } = await pair()
    const failing = errorOf(accepted)
    sockopt.resetConnection(client)
    equal(await failing, 'ECONNRESET')
  },
  disconnect: async () => {
    const { client, accepted } = await pair()
    const failing = errorOf(accepted)
    sockopt.disconnect(client)
    equal(await failing, 'ECONNRESET')
  },
  closeWithoutTimeWait: async () => {
    const { client, accepted } = await pair()
    const arriving = once(accepted, 'data')
    client.write('all of it')
    equal(await sockopt.closeWithoutTimeWait(client, { timeout: 3000 }), { unacknowledged: 0 })
    equal(String(await arriving), 'all of it')
  },
  closeLingering: async () => {
    const { client, accepted } = await pair()
    accepted.resume()
    client.write('all of it')
    const { acknowledged } = await sockopt.closeLingering(client, 3000)
    equal(acknowledged, true)
  },
}

async function listenExactly(place) {
  const server = net.createServer((socket) => socket.end('hello'))
  opened.push(server)
  await sockopt.listenWithBacklog(server, { ...place, backlog: 7 })
  equal(sockopt.getAcceptQueue(server), { length: 0, limit: 7 })
  const client = await connected(place.path ? place : { ...server.address(), host: '127.0.0.1' })
  equal(String(await once(client, 'data')), 'hello')
}

/** 'ok', or the error's code and message. */
async function outcomeOf(action) {
  let timer
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error('nothing happened')), 5000)
  })
  try {
    await Promise.race([action(), late])
    // What an event brings just after.
    await new Promise((resolve) => setTimeout(resolve, 20))
    if (uncaught.length > 0) throw uncaught[0]
    return 'ok'
  } catch (error) {
    return `${error.code ?? error.name}: ${error.message}`
  } finally {
    clearTimeout(timer)
    closeAll()
    await new Promise((resolve) => setTimeout(resolve, 5))
    uncaught.length = 0
  }
}

async function featureOutcomes() {
  const outcomes = {}
  for (const [name, action] of Object.entries(features)) outcomes[name] = await outcomeOf(action)
  return outcomes
}

/** 'ok', or the code. */
function attempt(action) {
  try {
    return { value: action(), code: 'ok' }
  } catch (error) {
    return { code: error.code ?? `${error.name}: ${error.message}` }
  }
}

/** Gets each option of this system, and sets it to what it is. */
async function optionOutcomes() {
  const tcp = (await pair()).client
  const tcp6 = (await pair({ port: 0, host: '::1' })).client
  const unix = (await pair({ path: newPath() })).client
  const [udp, udp6] = [await datagram('udp4'), await datagram('udp6')]
  const kinds = {
    SOL_SOCKET: tcp,
    SOL_LOCAL: unix,
    IPPROTO_TCP: tcp,
    IPPROTO_IP: udp,
    IPPROTO_IPV6: udp6,
    IPPROTO_UDP: udp,
  }
  const others = { IPV6_MTU: tcp6, IP_MTU: tcp, SO_PEERCRED: unix, SO_PEEK_OFF: udp }
  // Afterwards the socket is another.
  const dangerous = ['TCP_REPAIR', 'IPV6_ADDRFORM', 'SO_LOCK_FILTER', 'TCP_ULP']
  const outcomes = {}
  for (const { name, level, number, access } of Object.values(sockopt.options)) {
    if (number === undefined || dangerous.includes(name)) continue
    const socket = others[name] ?? kinds[level]
    const got = access === 'set' ? undefined : attempt(() => sockopt.getOption(socket, name))
    outcomes[name] = { get: got?.code ?? '-', set: '-' }
    if (access === 'both' && got?.code === 'ok') {
      outcomes[name].set = attempt(() => sockopt.setOption(socket, name, got.value)).code
    }
  }
  closeAll()
  return outcomes
}

const outcomes = { features: await featureOutcomes(), options: await optionOutcomes() }
rmSync(directory, { recursive: true, force: true })
console.log(JSON.stringify(outcomes))
process.exit(0)
