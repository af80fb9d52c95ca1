/** Keep-alive as it shows on the wire. */
import type { Packet } from '../observers/capture.js'

export interface Probes {
  /** Milliseconds after the client's last packet at which the server asked whether it is still there. */
  probesAtMs: number[]
  /** When the server gave up; null if no reset was seen. */
  resetAtMs: number | null
}

/** What the server sent after the client's last packet: probes without data, and at the end a reset. */
export function probesIn(packets: readonly Packet[]): Probes {
  const last = packets.findLastIndex(({ from }) => from === 'client')
  const lastSign = packets[last]?.time ?? 0
  const after = packets.slice(last + 1)
  const at = ({ time }: Packet): number => Math.round(time - lastSign)
  const reset = after.find(({ flags }) => flags.startsWith('R'))
  return {
    probesAtMs: after.filter(({ flags, length }) => flags === 'A' && length === 0).map(at),
    resetAtMs: reset ? at(reset) : null,
  }
}
