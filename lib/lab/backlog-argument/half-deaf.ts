import type { FilterInstruction, TcpListener } from '../../index.js'
import { listen } from '../linux-backlog/burst.js'

/**
 * Classic BPF (linux/filter.h): drops every segment with the ACK flag, byte 13 of the TCP header, and passes
 * the others. A listener with it hears each SYN and answers, but never hears the end of a handshake.
 */
const dropAcks: FilterInstruction[] = [
  { code: 0x30, jt: 0, jf: 0, k: 13 }, // ldb [13]
  { code: 0x45, jt: 0, jf: 1, k: 0x10 }, // jset #0x10
  { code: 0x06, jt: 0, jf: 0, k: 0 }, // ret #0
  { code: 0x06, jt: 0, jf: 0, k: 0xffffffff }, // ret #-1
]

/** A listener whose handshakes all stay half-open, until its filter is detached. */
export async function listenHalfDeaf(backlog: number): Promise<TcpListener> {
  return listen({ backlog, socketOptions: { SO_ATTACH_FILTER: dropAcks } })
}
