import { type TcpState, tcpRows } from '../../lib/lab/observers/proc-net-tcp.js'

/** The state of the IPv4 connection between two local ports, seen from the first; undefined if there is none. */
export function stateOfConnection(localPort: number, remotePort: number): TcpState | undefined {
  const isWanted = (row: { localPort: number; remotePort: number }): boolean =>
    row.localPort === localPort && row.remotePort === remotePort
  return tcpRows(localPort).find(isWanted)?.state
}
