/** The states of connections as `netstat -an` of Windows lists them. */
import { execFileSync } from 'node:child_process'

/** The state of the connection between these ports, as Linux spells it; undefined if there is none. */
export function stateInNetstat(localPort: number, remotePort: number): string | undefined {
  const output = execFileSync('netstat', ['-an', '-p', 'TCP'], { encoding: 'utf8' })
  const line = new RegExp(`:${localPort}\\s+\\S+:${remotePort}\\s+(\\w+)`).exec(output)
  return line?.[1]?.replace('FIN_WAIT_', 'FIN_WAIT').replace('SYN_RECEIVED', 'SYN_RECV')
}
