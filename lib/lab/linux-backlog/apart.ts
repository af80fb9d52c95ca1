import { canUnshare } from '../observe.js'

/**
 * For scenarios that could do without a network namespace: one of its own where that is allowed, since reading
 * /proc/net/tcp takes long among the connections of a busy machine.
 */
export const apart = canUnshare() ? { namespace: {} } : {}
