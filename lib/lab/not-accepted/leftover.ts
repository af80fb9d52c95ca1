/** What the document's server finds when the client in its slot leaves: the connection of one that has gone. */
import { spawnSync } from 'node:child_process'
import { until } from '../observers/until.js'
import { clientEnd, localPort, portOf, send, serverEnd, serverReaches, stateOf } from './ends.js'
import { occupant, oneSlotServer, waitingClient } from './one-slot-server.js'

export interface Leftover {
  /** Was it the connection of the client that had left? */
  isLeftover: boolean
  request: string
  /** What became of the first reply, and of the second. */
  results: string[]
  /** The state of both ends while the client's FIN was lost: `'FIN_WAIT1 ESTABLISHED'`. */
  whileLost?: string
}

/**
 * The client queues, sends its request and leaves; then the slot becomes free. `linkLike` gives loopback, which must be
 * of a namespace of our own, what a link has: other addresses, a smaller MTU, a packet lost.
 */
export async function leftover({ linkLike = false } = {}): Promise<Leftover> {
  if (linkLike) {
    command('ip', 'address', 'add', '192.0.2.1/24', 'dev', 'lo')
    command('ip', 'address', 'add', '192.0.2.2/24', 'dev', 'lo')
    command('ip', 'link', 'set', 'lo', 'mtu', '1500')
  }
  const host = linkLike ? '192.0.2.1' : '127.0.0.1'
  const server = await oneSlotServer({ host, allowHalfOpen: true })
  const { listener, taken } = server
  const first = await occupant(server)
  const client = await waitingClient(listener, 1, linkLike ? '192.0.2.2' : host)
  const port = localPort(client)
  const whileLost = linkLike
    ? await loseFin(portOf(listener), port, () => client.destroy())
    : undefined
  client.destroy()
  await serverReaches(listener, port, 'CLOSE_WAIT')
  first.end()
  await until(() => taken[0]?.heard.ended)
  taken[0]?.socket.end()
  const second = await until(() => taken[1])
  if (second === undefined) return { isLeftover: false, request: '', results: [] }
  await until(() => second.results.length > 0)
  // The client's kernel knows nothing of the connection any more, and answers the reply with RST.
  await until(() => stateOf(second.socket) === 'CLOSE')
  second.results.push(await send(second.socket, 'WELCOME'))
  return {
    isLeftover: second.port === port,
    request: second.heard.text,
    results: second.results,
    ...(whileLost !== undefined && { whileLost }),
  }
}

export function canLoseFin(): boolean {
  return spawnSync('nft', ['--version']).error === undefined
}

/** Loses every FIN to the server until the client has sent one; the states of both ends then. */
async function loseFin(serverPort: number, clientPort: number, close: () => void): Promise<string> {
  command('nft', 'add table ip lab')
  command('nft', 'add chain ip lab out { type filter hook output priority 0; }')
  command('nft', `add rule ip lab out tcp dport ${serverPort} tcp flags & fin == fin drop`)
  close()
  const states = (): string => {
    const client = clientEnd(serverPort, clientPort)?.state ?? 'gone'
    return `${client} ${serverEnd(serverPort, clientPort)?.state ?? 'gone'}`
  }
  const seen = await until(states, (now) => now.startsWith('FIN_WAIT1'))
  command('nft', 'delete table ip lab')
  return seen
}

function command(name: string, ...args: string[]): void {
  const { status, stderr, error } = spawnSync(name, args, { encoding: 'utf8' })
  if (status !== 0) throw error ?? new Error(`${name} ${args.join(' ')}: ${stderr}`)
}
