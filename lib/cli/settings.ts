/** The settings of Linux that decide how a busy server fares (ip-sysctl in the kernel's documentation). */

export interface Setting {
  name: string
  about: string
  /** What is wrong with the value for a busy server, and what to do; undefined if nothing is. */
  advice(value: number): string | undefined
}

function never(): undefined {
  return undefined
}

export const settings: readonly Setting[] = [
  {
    name: 'net.core.somaxconn',
    about: 'The longest accept queue: a larger backlog is cut to it.',
    advice: (value) => (value < 1024 ? 'Too short for bursts: raise it to 4096.' : undefined),
  },
  {
    name: 'net.ipv4.tcp_max_syn_backlog',
    about: 'Half-open connections of a listener, when SYN cookies are off.',
    advice: never,
  },
  {
    name: 'net.ipv4.tcp_syncookies',
    about: 'Answers SYNs without memory when too many are half-open.',
    advice: (value) => (value === 0 ? 'Off: a SYN flood locks clients out. Set 1.' : undefined),
  },
  {
    name: 'net.ipv4.tcp_abort_on_overflow',
    about: 'Resets a connection that meets a full accept queue, instead of letting it try again.',
    advice: (value) =>
      value === 1 ? 'On: a burst becomes errors at the clients. Set 0.' : undefined,
  },
  {
    name: 'net.ipv4.tcp_fin_timeout',
    about:
      'Seconds that a closed connection waits in FIN_WAIT2 for its peer. It does not shorten TIME_WAIT.',
    advice: (value) => (value > 120 ? 'Long: closed connections pile up. Set 60.' : undefined),
  },
  {
    name: 'net.ipv4.tcp_tw_reuse',
    about: 'Outgoing connections may take over a TIME_WAIT port: 0 never, 1 always, 2 on loopback.',
    advice: never,
  },
  {
    name: 'net.ipv4.tcp_max_tw_buckets',
    about: 'Connections in TIME_WAIT; above that they are dropped at once.',
    advice: never,
  },
  {
    name: 'net.ipv4.tcp_keepalive_time',
    about:
      'Seconds of silence before the first keep-alive probe of a socket that does not say otherwise.',
    advice: (value) =>
      value > 600
        ? 'A dead peer is found late: use setKeepAlive on sockets or the listener.'
        : undefined,
  },
  {
    name: 'net.ipv4.tcp_keepalive_intvl',
    about: 'Seconds between keep-alive probes.',
    advice: never,
  },
  {
    name: 'net.ipv4.tcp_keepalive_probes',
    about: 'Unanswered probes before a connection is dropped.',
    advice: never,
  },
  {
    name: 'net.ipv4.tcp_syn_retries',
    about: 'SYNs sent again by a client; with 6 a connect fails after about two minutes.',
    advice: never,
  },
  {
    name: 'net.ipv4.tcp_synack_retries',
    about: 'SYN-ACKs sent again by a server before it gives a half-open connection up.',
    advice: never,
  },
  {
    name: 'net.ipv4.tcp_retries2',
    about: 'Retransmissions before a connection is given up; 15 are about 15 minutes.',
    advice: (value) =>
      value > 15 ? 'Data to a dead peer is tried for very long: use setUserTimeout.' : undefined,
  },
]
