import { native } from './binding.js'
import { getOption } from './sockopt.js'
import { type Platform, platform } from './platform.js'
import { openSocketOf, type SocketTarget } from './target.js'
import { systemError } from './errors.js'
import { ioctl } from './ioctl.js'

/** The states of RFC 9293, section 3.3.2, as Linux spells them. */
export type TcpState =
  | 'CLOSE'
  | 'LISTEN'
  | 'SYN_SENT'
  | 'SYN_RECV'
  | 'ESTABLISHED'
  | 'CLOSE_WAIT'
  | 'FIN_WAIT1'
  | 'CLOSING'
  | 'LAST_ACK'
  | 'FIN_WAIT2'
  | 'TIME_WAIT'

/** By number: include/net/tcp_states.h; netinet/tcp_fsm.h of macOS; TCPSTATE in mstcpip.h of Windows. */
const names: Record<Platform, Partial<Record<number, TcpState>>> = {
  linux: {
    1: 'ESTABLISHED',
    2: 'SYN_SENT',
    3: 'SYN_RECV',
    4: 'FIN_WAIT1',
    5: 'FIN_WAIT2',
    6: 'TIME_WAIT',
    7: 'CLOSE',
    8: 'CLOSE_WAIT',
    9: 'LAST_ACK',
    10: 'LISTEN',
    11: 'CLOSING',
  },
  darwin: {
    0: 'CLOSE',
    1: 'LISTEN',
    2: 'SYN_SENT',
    3: 'SYN_RECV',
    4: 'ESTABLISHED',
    5: 'CLOSE_WAIT',
    6: 'FIN_WAIT1',
    7: 'CLOSING',
    8: 'LAST_ACK',
    9: 'FIN_WAIT2',
    10: 'TIME_WAIT',
  },
  win32: {
    0: 'CLOSE',
    1: 'LISTEN',
    2: 'SYN_SENT',
    3: 'SYN_RECV',
    4: 'ESTABLISHED',
    5: 'FIN_WAIT1',
    6: 'FIN_WAIT2',
    7: 'CLOSE_WAIT',
    8: 'CLOSING',
    9: 'LAST_ACK',
    10: 'TIME_WAIT',
  },
}

/** The state of a connection, or of a listener. */
export function tcpState(target: SocketTarget): TcpState {
  const state = native.connectionState(openSocketOf(target))
  if (state < 0) throw systemError(state, 'getsockopt')
  return names[platform][state] ?? 'CLOSE'
}

/**
 * Bytes in the kernel that the peer has not acknowledged, sent or not.
 *
 * Windows tells only of those that it has sent (SIO_TCP_INFO). What is written and not sent waits for the peer's
 * window: with room for a segment, and nothing on its way, there is none (RFC 9293, 3.8.6.2.1). Without, there may
 * be some: that counts as one byte, since nobody knows how many.
 */
export function unacknowledged(target: SocketTarget): number {
  if (platform === 'linux') return ioctl(target, 'SIOCOUTQ')
  if (platform === 'darwin') return getOption(target, 'SO_NWRITE')
  if (tcpState(target) === 'CLOSE') return 0
  const { BytesInFlight, SndWnd, Mss } = ioctl(target, 'SIO_TCP_INFO')
  return SndWnd < Mss ? Math.max(BytesInFlight, 1) : BytesInFlight
}

/** The same; NaN where the system cannot tell: Windows before 10 1703. */
export function unacknowledgedIfKnown(target: SocketTarget): number {
  try {
    return unacknowledged(target)
  } catch (error) {
    if ((error as { code?: string }).code === 'EOPNOTSUPP') return Number.NaN
    throw error
  }
}
