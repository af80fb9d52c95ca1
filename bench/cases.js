/** What is measured: a row per operation, a case per package that can do it. */
import * as netKeepalive from 'net-keepalive'
import sockopt from 'sockopt'
import { getLinger, getOption, setLinger, setOption } from '../dist/index.js'
import * as five from './five-options.js'
import { calls, IPPROTO_TCP, SO_LINGER, SOL_SOCKET, TCP_KEEPIDLE } from './floor.js'
import { prepared, typical } from './koffi.js'

export const columns = ['net-sockopt', 'koffi, prepared', 'koffi', 'sockopt', 'net-keepalive']

/**
 * Each row has a socket of its own. A setter is told which of the option's two values to write, a getter
 * returns the sum of the ints it read, so that both can be checked. net-keepalive has no idle time: where
 * one int is asked for it does the interval.
 */
export const rows = [
  {
    name: "set an int: setOption(socket, 'TCP_KEEPIDLE', 60)",
    calls: [calls.TCP_KEEPIDLE],
    goal: 1.25,
    set: (socket, fd) => ({
      'net-sockopt': (which) => setOption(socket, 'TCP_KEEPIDLE', 60 + which),
      'koffi, prepared': (which) => prepared.set(fd, IPPROTO_TCP, TCP_KEEPIDLE, 60 + which),
      koffi: (which) => typical.set(socket, IPPROTO_TCP, TCP_KEEPIDLE, 60 + which),
      sockopt: (which) => sockopt.setsockopt(socket, IPPROTO_TCP, TCP_KEEPIDLE, 60 + which),
      'net-keepalive': (which) => netKeepalive.setKeepAliveInterval(socket, 10_000 + 1000 * which),
    }),
    callsOf: { 'net-keepalive': [calls.TCP_KEEPINTVL] },
  },
  {
    name: "get an int: getOption(socket, 'TCP_KEEPIDLE')",
    calls: [calls.TCP_KEEPIDLE],
    goal: 1.25,
    get: (socket, fd) => ({
      'net-sockopt': () => getOption(socket, 'TCP_KEEPIDLE'),
      'koffi, prepared': () => prepared.get(fd, IPPROTO_TCP, TCP_KEEPIDLE),
      koffi: () => typical.get(socket, IPPROTO_TCP, TCP_KEEPIDLE),
      sockopt: () => sockopt.getsockopt(socket, IPPROTO_TCP, TCP_KEEPIDLE),
      'net-keepalive': () => netKeepalive.getKeepAliveInterval(socket) / 1000,
    }),
    callsOf: { 'net-keepalive': [calls.TCP_KEEPINTVL] },
  },
  {
    name: 'set SO_LINGER: setLinger(socket, 5000)',
    calls: [calls.SO_LINGER],
    set: (socket, fd) => ({
      'net-sockopt': (which) => setLinger(socket, 5000 + 1000 * which),
      'koffi, prepared': (which) => prepared.setLinger(fd, SOL_SOCKET, SO_LINGER, 5 + which),
      koffi: (which) => typical.setLinger(socket, SOL_SOCKET, SO_LINGER, 5 + which),
    }),
  },
  {
    // On, so 1 more than the seconds.
    name: 'get SO_LINGER: getLinger(socket)',
    calls: [calls.SO_LINGER],
    get: (socket, fd) => ({
      'net-sockopt': () => 1 + getLinger(socket) / 1000,
      'koffi, prepared': () => 1 + prepared.getLinger(fd, SOL_SOCKET, SO_LINGER),
      koffi: () => 1 + typical.getLinger(socket, SOL_SOCKET, SO_LINGER),
    }),
  },
  {
    name: 'set five options: setOptions(socket, { ... })',
    calls: five.fiveCalls,
    goal: 1.15,
    set: (socket, fd) => ({
      'net-sockopt': (which) => five.setTogether(socket, which),
      'koffi, prepared': (which) => five.setWithPreparedKoffi(fd, which),
      koffi: (which) => five.setWithKoffi(socket, which),
      sockopt: (which) => five.setWithSockopt(socket, which),
      'net-keepalive': (which) => five.setWithNetKeepalive(socket, which),
    }),
  },
  {
    name: 'get five options: getOptions(socket, [ ... ])',
    calls: five.fiveCalls,
    get: (socket, fd) => ({
      'net-sockopt': () => five.getTogether(socket),
      'koffi, prepared': () => five.getWithPreparedKoffi(fd),
      koffi: () => five.getWithKoffi(socket),
      sockopt: () => five.getWithSockopt(socket),
    }),
  },
]
