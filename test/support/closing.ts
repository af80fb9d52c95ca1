/** Both ends of a connection that is to be closed: ours in Node, the peer's in another process. */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import net from 'node:net'
import { stateOfConnection } from '../observers/proc-net-tcp.js'
import { stateInNetstat } from '../observers/netstat.js'
import type { Connect, Peer } from './peer.js'
import { listening, portOf } from './sockets.js'
import { isRealWindows } from './system.js'
import { until } from './until.js'

export const mebibyte = 2 ** 20

export interface Ends {
  ours: net.Socket
  peer: Peer
  /** What our socket emitted as 'error'. */
  errors: Error[]
  server: net.Server
}

export async function endsOf(
  connect: Connect,
  options: net.ServerOpts = {},
  window?: number,
): Promise<Ends> {
  const server = await listening(net.createServer(options))
  const accepting = once(server, 'connection') as Promise<[net.Socket]>
  const peer = await connect(server, window)
  const [ours] = await accepting
  const errors: Error[] = []
  ours.on('error', (error) => errors.push(error))
  return { ours, peer, errors, server }
}

/** The states of both ends in /proc/net/tcp: ours, the peer's. */
export function statesOf({ server, peer }: Ends): (string | undefined)[] {
  return statesBetween(portOf(server), peer.port)
}

export function statesBetween(ourPort: number, theirPort: number): (string | undefined)[] {
  // Under Wine the connections are Linux'.
  const stateOf = isRealWindows ? stateInNetstat : stateOfConnection
  return [stateOf(ourPort, theirPort), stateOf(theirPort, ourPort)]
}

/** Who has TIME_WAIT when both ends are gone. FIN_WAIT1 may last 60 ms, the delayed ACK (recipe R5). */
export async function timeWaitOf(ourPort: number, theirPort: number): Promise<string> {
  const [ours, theirs] = await until(
    () => statesBetween(ourPort, theirPort),
    (states) => states.every((state) => state === undefined || state === 'TIME_WAIT'),
  )
  return ours ? 'ours' : theirs ? 'theirs' : 'nobody'
}

/**
 * The kernel keeps so many connections in TIME_WAIT, and in FIN_WAIT2 without a program; those that are over it
 * vanish at once (ip-sysctl in the kernel's documentation). Another program may have used them up.
 */
export function isTimeWaitFull(): boolean {
  if (isRealWindows) return false
  const limit = Number(readFileSync('/proc/sys/net/ipv4/tcp_max_tw_buckets', 'utf8'))
  const [, used] = /^TCP:.* tw (\d+)/m.exec(readFileSync('/proc/net/sockstat', 'utf8')) ?? []
  return Number(used) > 0.95 * limit
}
