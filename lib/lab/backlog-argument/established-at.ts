import { platform } from '../../platform.js'
import { establishedIn, netstatLines } from '../observers/netstat.js'
import { countStates, tcpRows } from '../observers/proc-net-tcp.js'

/** How many connections of a server's port are ESTABLISHED at the server, by an observer that is not us. */
export function establishedAt(port: number): number {
  if (platform !== 'linux') return establishedIn(netstatLines(port) ?? [], port)
  const rows = tcpRows(port).filter(({ localPort }) => localPort === port)
  return countStates(rows).ESTABLISHED ?? 0
}
