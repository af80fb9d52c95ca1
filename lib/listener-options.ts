/** Named helpers on a target that may be a listener: each option goes where this system wants it. */
import net from 'node:net'
import { isPerConnection, setOnAccepted } from './accepted.js'
import { applyNowOrLater } from './pending.js'
import type { Entry } from './batch.js'

import type { SocketTarget } from './target.js'

/** Sets options on a socket, or on a listener for the sockets that it accepts. */
export function setForConnections(target: SocketTarget, entries: readonly Entry[]): void {
  const listener = target instanceof net.Server ? target : undefined
  const perConnection = listener ? entries.filter((entry) => isPerConnection(entry)) : []
  const direct = entries.filter((entry) => !perConnection.includes(entry))
  applyNowOrLater(target, direct)
  if (listener) setOnAccepted(listener, perConnection)
}
