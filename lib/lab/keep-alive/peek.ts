/** What looking at a connection without reading from it tells: MSG_PEEK, which Node does not have, in Python. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type net from 'node:net'
import { text } from 'node:stream/consumers'
import { resetConnection, type TcpListener } from '../../index.js'
import {
  connect,
  judge,
  listen,
  localPort,
  queued,
  send,
  serverEnd,
  serverReaches,
} from '../not-accepted/ends.js'
import { until } from '../observers/until.js'
import type { Observation, Scenario } from '../scenario.js'

/** Its sockets are the descriptors from 3 on; POLLRDHUP is the peer's end of sending, poll(2). */
const program = `
import errno, json, select, socket, sys
def peek(s):
    try: return s.recv(100, socket.MSG_PEEK | socket.MSG_DONTWAIT).decode()
    except OSError as e: return errno.errorcode[e.errno]
def look(fd):
    s = socket.socket(fileno=fd)
    poll = select.poll()
    poll.register(fd, select.POLLIN | select.POLLRDHUP)
    events = dict(poll.poll(0)).get(fd, 0)
    state = s.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]
    first, second = peek(s), peek(s)
    error = s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    return dict(first=first, second=second, rdhup=bool(events & select.POLLRDHUP),
        state={1: 'ESTABLISHED', 7: 'CLOSE', 8: 'CLOSE_WAIT'}.get(state, str(state)),
        error=errno.errorcode.get(error, ''))
print(json.dumps([look(fd) for fd in range(3, 3 + int(sys.argv[1]))]))
`

interface Look {
  /** The data, `''` for an end, or an error. */
  first: string
  second: string
  rdhup: boolean
  state: string
  /** SO_ERROR after both peeks. */
  error: string
}

/** What a client does before the server looks. */
const clients = {
  idle: { says: '', leaves: undefined },
  ended: { says: '', leaves: 'end' },
  endedAfterData: { says: 'data', leaves: 'end' },
  reset: { says: '', leaves: 'reset' },
  resetAfterData: { says: 'data', leaves: 'reset' },
} as const

type Name = keyof typeof clients

async function peekTells(): Promise<Observation> {
  const listener = await listen()
  const names = Object.keys(clients) as Name[]
  for (const name of names) await prepare(listener, clients[name])
  await queued(listener, names.length)
  const sockets: net.Socket[] = []
  // All in one turn of the event loop, so that Node has read from none before Python looks.
  for (const {} of names) sockets.push(await listener.accept())
  const looks = await lookAtAll(sockets)
  if (typeof looks === 'string') {
    return { verdict: 'could not be shown here', seen: 'nothing', why: looks, data: {} }
  }
  const seen = Object.fromEntries(names.map((name, i) => [name, looks[i]])) as Record<Name, Look>
  const tells =
    seen.idle.first === 'EAGAIN' && seen.ended.first === '' && seen.reset.first === 'ECONNRESET'
  const shown = names.map((name) => `${name}: ${seen[name].first || 'empty'} (${seen[name].state})`)
  return judge(tells, { seen: shown.join(', '), data: { ...seen } })
}

async function prepare(
  listener: TcpListener,
  { says, leaves }: (typeof clients)[Name],
): Promise<void> {
  const client = await connect(listener)
  const port = localPort(client)
  if (says !== '') await send(client, says)
  await until(() => serverEnd(listener, port)?.receiveQueue === says.length)
  if (leaves === 'end') {
    client.destroy()
    await serverReaches(listener, port, 'CLOSE_WAIT')
  } else if (leaves === 'reset') {
    resetConnection(client)
    await serverReaches(listener, port, undefined)
  }
}

/** What Python sees, or why it sees nothing. */
async function lookAtAll(sockets: net.Socket[]): Promise<Look[] | string> {
  const python = spawn('python3', ['-c', program, String(sockets.length)], {
    stdio: ['ignore', 'pipe', 'pipe', ...sockets],
  })
  const started = once(python, 'spawn').then(
    () => true,
    () => false,
  )
  if (!(await started)) return 'needs python3, since Node has no MSG_PEEK'
  const { stdout, stderr } = python
  if (stdout === null || stderr === null) throw new Error('no pipes to python3')
  const [output, errors] = await Promise.all([text(stdout), text(stderr)])
  if (output === '') throw new Error(errors)
  return JSON.parse(output) as Look[]
}

export const scenarios: readonly Scenario[] = [
  {
    id: 'S4.13',
    claim:
      'Does looking at the receive queue with MSG_PEEK tell whether a client is still connected?',
    of: 'Windows',
    documented:
      'Windows: the title of a related article, without an outcome. Linux: an end or reset shows unless data is in front of it.',
    platforms: ['linux'],
    run: peekTells,
  },
]
