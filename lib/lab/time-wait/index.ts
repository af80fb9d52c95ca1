/** Scenarios of the document on TIME_WAIT, SO_LINGER and Disconnect (S1). */
import type { Scenario } from '../scenario.js'
import { scenarios as disconnect } from './disconnect.js'
import { scenarios as lastRead } from './last-read.js'
import { scenarios as linger } from './linger.js'
import { scenarios as packets } from './packets.js'
import { scenarios as reset } from './reset.js'
import { scenarios as whoClosesFirst } from './who-closes-first.js'
import { scenarios as withoutTimeWait } from './without-time-wait.js'

export const scenarios: readonly Scenario[] = [
  ...whoClosesFirst,
  ...reset,
  ...linger,
  ...disconnect,
  ...lastRead,
  ...packets,
  ...withoutTimeWait,
]
