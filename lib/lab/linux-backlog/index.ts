/** Scenarios of the document on a TCP backlog example (S3). */
import type { Scenario } from '../scenario.js'

export const scenarios: readonly Scenario[] = []
