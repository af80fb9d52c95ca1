/** The five options that it takes to notice a dead peer, in each of the ways there are. */
import * as netKeepalive from 'net-keepalive'
import sockopt from 'sockopt'
import { getOptions, setOption, setOptions } from '../dist/index.js'
import {
  calls,
  IPPROTO_TCP,
  SO_KEEPALIVE,
  SOL_SOCKET,
  TCP_KEEPCNT,
  TCP_KEEPIDLE,
  TCP_KEEPINTVL,
  TCP_USER_TIMEOUT,
} from './floor.js'
import { prepared, typical } from './koffi.js'

const names = ['SO_KEEPALIVE', 'TCP_KEEPIDLE', 'TCP_KEEPINTVL', 'TCP_KEEPCNT', 'TCP_USER_TIMEOUT']

export const fiveCalls = names.map((name) => calls[name])

export function setTogether(socket, which) {
  setOptions(socket, {
    SO_KEEPALIVE: true,
    TCP_KEEPIDLE: 60 + which,
    TCP_KEEPINTVL: 10 + which,
    TCP_KEEPCNT: 3 + which,
    TCP_USER_TIMEOUT: 30_000 + 1000 * which,
  })
}

export function setOneByOne(socket, which) {
  setOption(socket, 'SO_KEEPALIVE', true)
  setOption(socket, 'TCP_KEEPIDLE', 60 + which)
  setOption(socket, 'TCP_KEEPINTVL', 10 + which)
  setOption(socket, 'TCP_KEEPCNT', 3 + which)
  setOption(socket, 'TCP_USER_TIMEOUT', 30_000 + 1000 * which)
}

export function setWithPreparedKoffi(fd, which) {
  prepared.set(fd, SOL_SOCKET, SO_KEEPALIVE, 1)
  prepared.set(fd, IPPROTO_TCP, TCP_KEEPIDLE, 60 + which)
  prepared.set(fd, IPPROTO_TCP, TCP_KEEPINTVL, 10 + which)
  prepared.set(fd, IPPROTO_TCP, TCP_KEEPCNT, 3 + which)
  prepared.set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, 30_000 + 1000 * which)
}

export function setWithKoffi(socket, which) {
  typical.set(socket, SOL_SOCKET, SO_KEEPALIVE, 1)
  typical.set(socket, IPPROTO_TCP, TCP_KEEPIDLE, 60 + which)
  typical.set(socket, IPPROTO_TCP, TCP_KEEPINTVL, 10 + which)
  typical.set(socket, IPPROTO_TCP, TCP_KEEPCNT, 3 + which)
  typical.set(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, 30_000 + 1000 * which)
}

export function setWithSockopt(socket, which) {
  sockopt.setsockopt(socket, SOL_SOCKET, SO_KEEPALIVE, 1)
  sockopt.setsockopt(socket, IPPROTO_TCP, TCP_KEEPIDLE, 60 + which)
  sockopt.setsockopt(socket, IPPROTO_TCP, TCP_KEEPINTVL, 10 + which)
  sockopt.setsockopt(socket, IPPROTO_TCP, TCP_KEEPCNT, 3 + which)
  sockopt.setsockopt(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, 30_000 + 1000 * which)
}

/** Node sets the idle time, and interval and count to 1 and 10, so that must come first. */
export function setWithNetKeepalive(socket, which) {
  socket.setKeepAlive(true, 60_000 + 1000 * which)
  netKeepalive.setKeepAliveInterval(socket, 10_000 + 1000 * which)
  netKeepalive.setKeepAliveProbes(socket, 3 + which)
  netKeepalive.setUserTimeout(socket, 30_000 + 1000 * which)
}

export function getTogether(socket) {
  const values = getOptions(socket, names)
  return (
    Number(values.SO_KEEPALIVE) +
    values.TCP_KEEPIDLE +
    values.TCP_KEEPINTVL +
    values.TCP_KEEPCNT +
    values.TCP_USER_TIMEOUT
  )
}

export function getWithPreparedKoffi(fd) {
  return (
    prepared.get(fd, SOL_SOCKET, SO_KEEPALIVE) +
    prepared.get(fd, IPPROTO_TCP, TCP_KEEPIDLE) +
    prepared.get(fd, IPPROTO_TCP, TCP_KEEPINTVL) +
    prepared.get(fd, IPPROTO_TCP, TCP_KEEPCNT) +
    prepared.get(fd, IPPROTO_TCP, TCP_USER_TIMEOUT)
  )
}

export function getWithKoffi(socket) {
  return (
    typical.get(socket, SOL_SOCKET, SO_KEEPALIVE) +
    typical.get(socket, IPPROTO_TCP, TCP_KEEPIDLE) +
    typical.get(socket, IPPROTO_TCP, TCP_KEEPINTVL) +
    typical.get(socket, IPPROTO_TCP, TCP_KEEPCNT) +
    typical.get(socket, IPPROTO_TCP, TCP_USER_TIMEOUT)
  )
}

export function getWithSockopt(socket) {
  return (
    sockopt.getsockopt(socket, SOL_SOCKET, SO_KEEPALIVE) +
    sockopt.getsockopt(socket, IPPROTO_TCP, TCP_KEEPIDLE) +
    sockopt.getsockopt(socket, IPPROTO_TCP, TCP_KEEPINTVL) +
    sockopt.getsockopt(socket, IPPROTO_TCP, TCP_KEEPCNT) +
    sockopt.getsockopt(socket, IPPROTO_TCP, TCP_USER_TIMEOUT)
  )
}
