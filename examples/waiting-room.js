/**
 * A server with one place and a queue of 100, and three clients that connect, send their login, lose patience
 * and go before it is their turn. To them all went well: the connection was established, the login was sent.
 * When the place is free, the server still meets them. Once with each `stale`, which decides what it then does.
 */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { TcpListener } from 'net-sockopt'

/** How a client goes. */
const guests = {
  B: { sends: 'LOGIN B', leaves: (socket) => socket.destroy(), how: 'closes' },
  C: { sends: '', leaves: (socket) => socket.destroy(), how: 'closes without a word' },
  D: { sends: 'LOGIN D', leaves: (socket) => socket.resetAndDestroy(), how: 'resets' },
}

for (const stale of ['keep', 'drop-reset', 'drop-ended']) await evening(stale)

async function evening(stale) {
  const say = (text) => console.log(`${stale}: ${text}`)
  const listener = await TcpListener.listen({ host: '127.0.0.1', port: 0, backlog: 100, stale })
  const { port } = listener.address()
  // Linux hands out who has reset as well; Windows says that there was one.
  listener.on('acceptError', ({ code }) => say(`one has gone before it was accepted: ${code}`))
  const server = createServer((socket) => welcome(socket, say))
  listener.serve(server, { maxConnections: 1 })

  const a = await visit(port, 'LOGIN A')
  await once(a, 'data')
  say(`A has the only place, queue ${show(listener)}`)

  const ports = {}
  for (const [name, { sends, leaves, how }] of Object.entries(guests)) {
    const guest = await visit(port, sends)
    ports[name] = guest.localPort
    say(`${name} connects: success, as far as ${name} can see; ${kernel(port, ports[name])}`)
    leaves(guest)
    await once(guest, 'close')
    say(`${name} ${how}: ${kernel(port, ports[name])}, queue ${show(listener)}`)
  }

  const patient = await visit(port, 'LOGIN E')
  say(`E connects and waits, queue ${show(listener)}`)

  say('A leaves')
  a.destroy()
  const [answer] = await once(patient, 'data')
  say(`E reads "${answer}", and no answer that was meant for others`)
  patient.destroy()
  await listener.close()
  await sleep(20)
  const { accepted, droppedStale } = listener
  say(`accepted ${accepted}, dropped ${droppedStale}\n`)
}

/** What the program does with whom it is given: it reads a login, and answers. */
function welcome(socket, say) {
  let login = ''
  socket.on('data', (data) => {
    login += data
    socket.write(`welcome, ${login.slice(-1)}`)
  })
  socket.on('error', () => {})
  socket.on('close', () => say(`the program is done with ${login || 'somebody who said nothing'}`))
}

async function visit(port, login) {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  await once(socket, 'connect')
  if (login !== '') socket.write(login)
  await sleep(20)
  return socket
}

function show(listener) {
  if (process.platform === 'win32') return 'of a length that Windows does not tell'
  const { length, limit } = listener.queue
  return `${length} of ${limit}`
}

/** The server's half of a connection, in the kernel's list: its state, and the bytes that nobody has read. */
function kernel(port, guest) {
  if (process.platform !== 'linux') return 'what the kernel has is only told on Linux'
  const [localEnd, remoteEnd] = [port, guest].map((n) =>
    n.toString(16).toUpperCase().padStart(4, '0'),
  )
  // Local address, remote address, state, bytes unsent and unread (proc_pid_net(5)).
  const row = new RegExp(`:${localEnd} \\w+:${remoteEnd} (\\w+) \\w+:(\\w+)`)
  const [, state, unread] = row.exec(readFileSync('/proc/net/tcp', 'utf8')) ?? []
  if (state === undefined) return 'the kernel has no connection any more'
  const name = { '01': 'ESTABLISHED', '08': 'CLOSE_WAIT' }[state] ?? state
  // The end counts as a byte.
  const bytes = parseInt(unread, 16) - (name === 'CLOSE_WAIT' ? 1 : 0)
  return `the kernel has it ${name} with ${bytes} bytes to read`
}
