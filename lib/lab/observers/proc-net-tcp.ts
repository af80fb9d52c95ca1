/** IPv4 connections as /proc/net/tcp has them: an observer that is not us (proc_net_tcp in the kernel's documentation). */
import { readFileSync } from 'node:fs'

const states = [
  'UNKNOWN',
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
  'SYN_RECV',
] as const

export type TcpState = (typeof states)[number]

/** One end of a connection; loopback has both ends as rows. */
export interface TcpRow {
  localPort: number
  remotePort: number
  state: TcpState
  /** Bytes that are sent and not acknowledged; of SYN_SENT: 1, the SYN. */
  sendQueue: number
  /** Bytes that nobody has read; of a listener: connections that nobody has accepted. */
  receiveQueue: number
  /** 0 where no process holds it: it waits to be accepted, or its process has closed it. */
  inode: number
}

/** Every row that has the port at either end, or every row there is. */
export function tcpRows(port?: number): TcpRow[] {
  const lines = readFileSync('/proc/net/tcp', 'utf8').trim().split('\n').slice(1)
  // A busy machine has a hundred thousand rows in TIME_WAIT, too many to take each apart.
  const inHex = port === undefined ? '' : `:${port.toString(16).toUpperCase().padStart(4, '0')} `
  const rows = new Map<string, TcpRow>()
  for (const line of lines) {
    if (!line.includes(inHex)) continue
    const [, local = '', remote = '', ...rest] = line.trim().split(/\s+/)
    const row = parse(local, remote, rest)
    // The kernel may list a row twice when the table changes while it is read.
    rows.set(`${local} ${remote} ${row.inode}`, row)
  }
  return [...rows.values()]
}

/** The state of a connection seen from its first port; undefined if there is none. */
export function tcpState(localPort: number, remotePort: number): TcpState | undefined {
  return tcpRows(localPort).find(
    (row) => row.localPort === localPort && row.remotePort === remotePort,
  )?.state
}

/** How many rows are in which state: `{ ESTABLISHED: 7, SYN_SENT: 2 }`. */
export function countStates(rows: readonly TcpRow[]): Partial<Record<TcpState, number>> {
  const counts: Partial<Record<TcpState, number>> = {}
  for (const { state } of rows) counts[state] = (counts[state] ?? 0) + 1
  return counts
}

function parse(local: string, remote: string, rest: readonly string[]): TcpRow {
  const [state = '', queues = '', , , , , inode = ''] = rest
  const [sent = '', received = ''] = queues.split(':')
  return {
    localPort: portOf(local),
    remotePort: portOf(remote),
    state: states[parseInt(state, 16)] ?? 'UNKNOWN',
    sendQueue: parseInt(sent, 16),
    receiveQueue: parseInt(received, 16),
    inode: Number(inode),
  }
}

function portOf(address: string): number {
  return parseInt(address.split(':')[1] ?? '', 16)
}
