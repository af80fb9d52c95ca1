/** Both ends of connections on any system: /proc/net/tcp on Linux, netstat elsewhere. */
import { platform } from '../../platform.js'
import { netstatLines } from '../observers/netstat.js'
import { tcpRows } from '../observers/proc-net-tcp.js'

export interface Row {
  localPort: number
  remotePort: number
  /** As Linux spells it. */
  state: string
}

/** The rows that have the port at either end; none where there is no netstat. */
export function rowsAt(port: number): Row[] {
  return platform === 'linux' ? tcpRows(port) : (netstatLines(port) ?? []).flatMap(parse)
}

/** `TCP 127.0.0.1:5000 127.0.0.1:50001 FIN_WAIT_2 4711`; a listener's remote port is `0` or `*`. */
function parse(line: string): Row[] {
  const words = line.split(/\s+/)
  const [localPort, remotePort] = words.flatMap(portIn)
  const state = words.find((word) => /^[A-Z]+_?[A-Z]*_?\d?$/.test(word) && word !== 'TCP')
  if (localPort === undefined || state === undefined) return []
  return [{ localPort, remotePort: remotePort ?? 0, state: linuxName(state) }]
}

function portIn(word: string): number[] {
  const [, port] = /^\S*[\d.\]*][:.](\d+|\*)$/.exec(word) ?? []
  return port === undefined ? [] : [port === '*' ? 0 : Number(port)]
}

/** Windows says LISTENING, FIN_WAIT_1 and SYN_RECEIVED, macOS CLOSED. */
function linuxName(state: string): string {
  return state
    .replace(/^LISTENING$/, 'LISTEN')
    .replace(/^FIN_WAIT_/, 'FIN_WAIT')
    .replace(/^SYN_RECEIVED$/, 'SYN_RECV')
    .replace(/^CLOSED$/, 'CLOSE')
}
