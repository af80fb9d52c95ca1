/** Every scenario, in the order of the documents. */
import type { Scenario } from './scenario.js'
import { scenarios as backlogArgument } from './backlog-argument/index.js'
import { scenarios as timeWait } from './time-wait/index.js'
import { scenarios as notAccepted } from './not-accepted/index.js'
import { scenarios as linuxBacklog } from './linux-backlog/index.js'
import { scenarios as keepAlive } from './keep-alive/index.js'

export const scenarios: readonly Scenario[] = [
  ...backlogArgument,
  ...timeWait,
  ...notAccepted,
  ...linuxBacklog,
  ...keepAlive,
]
