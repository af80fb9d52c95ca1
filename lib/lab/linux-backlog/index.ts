/** Scenarios of the TCP backlog example (S3). */
import type { Scenario } from '../scenario.js'
import { established } from './established.js'
import { retransmission } from './retransmission.js'
import { size } from './size.js'
import { starved } from './starved.js'

export const scenarios: readonly Scenario[] = [
  ...established,
  ...retransmission,
  ...size,
  ...starved,
]
