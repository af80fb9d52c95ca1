import { addAbortListener, once } from 'node:events'
import net from 'node:net'
import { setOnAccepted } from './accepted.js'
import { native } from './binding.js'
import { openListener } from './bound-socket.js'
import { warnIfCut } from './backlog-warning.js'
import { abortError, checkNotAborted, invalidType, withCode } from './errors.js'
import { rememberTimes } from './keep-alive-values.js'
import { type ListenOptions, type ListenPlan, planListening } from './listen-options.js'
import { type Handle, listenWithTcpHandle, listenWithUnixHandle } from './node-internals.js'

/**
 * Makes a server listen on a socket of our own: its options set before `bind()`, its backlog exact, 0 and 1
 * included (`server.listen` turns 0 into 511). Everything else is as after `server.listen()`: `'listening'`,
 * `address()`, `close()`, `getConnections()`, `await using`.
 *
 * - **Server:** any `net.Server`: `net`, `tls`, `http`, `https`, `http2`.
 * - **Backlog:** Linux admits one connection more than it says. If the system cuts it to its own limit, a
 *   process warning with the code `SOCKOPT_BACKLOG_CUT` names both numbers, once;
 *   {@link getAcceptQueue} always tells.
 * - **Options:** accepted sockets inherit them on Linux; where a system does not, each accepted socket is
 *   set before the server's own `'connection'` listeners run.
 * - **Cluster:** a worker must say `reusePort` or `exclusive`, else `ERR_SOCKET_SHARED`.
 * - **Errors:** the promise is rejected and no descriptor stays behind: wrong arguments as
 *   `TypeError`/`RangeError`; `EADDRINUSE`, `EACCES` ... as Node's own; a refused option as
 *   {@link SocketOptionError}; `ERR_SERVER_ALREADY_LISTEN`; `AbortError`.
 * - **Source:** `listen(2)`, `bind(2)`, `socket(7)`.
 *
 * @example
 * import { createServer } from 'node:http'
 * import { listenWithBacklog } from 'net-sockopt'
 *
 * const server = createServer((request, response) => response.end('ok'))
 * await listenWithBacklog(server, {
 *   port: 0,
 *   backlog: 4096,
 *   keepAlive: { idle: 30_000, interval: 10_000, count: 3 },
 *   socketOptions: { TCP_DEFER_ACCEPT: 5, TCP_USER_TIMEOUT: 30_000 },
 * })
 * server.close()
 */
export async function listenWithBacklog<Server extends net.Server>(
  server: Server,
  options: ListenOptions,
): Promise<Server> {
  if (!(server instanceof net.Server)) throw invalidType('server', 'a net.Server', server)
  const plan = planListening(options)
  checkNotListening(server)
  checkNotAborted(plan.signal)
  const handle = await openListener(plan)
  try {
    checkNotAborted(plan.signal)
    listenWith(server, handle, plan)
  } catch (error) {
    handle.close()
    throw error
  }
  setOnAccepted(server, plan.perConnection)
  rememberTimes(server, plan.afterListen)
  await once(server, 'listening')
  closeOnAbort(server, plan.signal)
  warnIfCut(server, plan.backlog)
  return server
}

function checkNotListening(server: net.Server): void {
  if (server.listening) {
    const error = new Error('Listen method has been called more than once without closing')
    throw withCode(error, 'ERR_SERVER_ALREADY_LISTEN')
  }
}

function listenWith(server: net.Server, handle: Handle, plan: ListenPlan): void {
  const { where, backlog, simultaneousAccepts } = plan
  if ('path' in where) {
    listenWithUnixHandle(server, handle, where.path, backlog)
    // Again, since libuv listens with 1 where 0 was asked for (uv__pipe_listen).
    native.listen(handle.fd ?? -1, backlog)
  } else {
    if (!simultaneousAccepts) handle.setSimultaneousAccepts?.(false)
    listenWithTcpHandle(server, handle, backlog)
  }
}

/** As `server.listen({ signal })`: aborting closes the server. */
function closeOnAbort(server: net.Server, signal: AbortSignal | undefined): void {
  if (signal === undefined) return
  if (signal.aborted) {
    server.close()
    throw abortError(signal)
  }
  const listener = addAbortListener(signal, () => server.close())
  server.once('close', () => listener[Symbol.dispose]())
}
