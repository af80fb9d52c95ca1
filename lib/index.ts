/** What can be imported. */
export type { AcceptQueue } from './queue.js'
export type { FilterInstruction } from './codec/filter.js'
export type { TimeValue } from './codec/times.js'
export type { IoctlInfo, OptionInfo } from './catalogue.js'
export type { IoctlInput, IoctlName, IoctlValue } from './ioctl.js'
export type { KeepAlive } from './keep-alive.js'
export type { ListenOptions } from './listen-options.js'
export type { AcceptCounters, Stale } from './listener/acceptor.js'
export type {
  AcceptOptions,
  CloseOptions,
  ServeOptions,
  TcpListenerOptions,
} from './listener/tcp-listener.js'
export type {
  OptionName,
  OptionValue,
  OptionValues,
  ReadableOption,
  SettableValue,
  WritableOption,
} from './option-types.js'
export type { SocketOptionError } from './errors.js'
export type { SocketTarget } from './target.js'

export { ioctls, options } from './catalogue.js'
export { ioctl } from './ioctl.js'
export { getKeepAlive, setKeepAlive } from './keep-alive.js'
export { getLinger, setLinger } from './linger.js'
export { listenWithBacklog } from './listen.js'
export { TcpListener } from './listener/tcp-listener.js'
export { getAcceptQueue, setBacklog } from './queue.js'
export { getOption, getOptions, getsockopt, setOption, setOptions, setsockopt } from './sockopt.js'
export { isSupported } from './support.js'
export { getUserTimeout, setUserTimeout } from './user-timeout.js'
export type { CloseLingeringResult } from './closing/lingering.js'
export type {
  CloseWithoutTimeWaitOptions,
  CloseWithoutTimeWaitResult,
} from './closing/without-time-wait.js'
export { closeLingering } from './closing/lingering.js'
export { closeWithoutTimeWait } from './closing/without-time-wait.js'
export { disconnect } from './closing/disconnect.js'
export { resetConnection } from './closing/reset-connection.js'
