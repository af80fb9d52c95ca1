/** Connections as /proc/net/tcp has them: an observer that is not us (proc_net_tcp in the kernel's documentation). */
import { readFileSync } from 'node:fs'

const states = [
  '',
  'ESTABLISHED',
  'SYN_SENT',
  'SYN_RECV',
  'FIN_WAIT1',
  'FIN_WAIT2',
  'TIME_WAIT',
  'CLOSE',
  'CLOSE_WAIT',
  'LAST_ACK',
  'LISTEN',
  'CLOSING',
]

/** The state of the IPv4 connection between two local ports, seen from the first; undefined if there is none. */
export function stateOfConnection(localPort: number, remotePort: number): string | undefined {
  const rows = readFileSync('/proc/net/tcp', 'utf8').trim().split('\n').slice(1)
  for (const row of rows) {
    const [, local = '', remote = '', state = ''] = row.trim().split(/\s+/)
    if (portOf(local) === localPort && portOf(remote) === remotePort) {
      return states[parseInt(state, 16)]
    }
  }
  return undefined
}

function portOf(address: string): number {
  return parseInt(address.split(':')[1] ?? '', 16)
}
