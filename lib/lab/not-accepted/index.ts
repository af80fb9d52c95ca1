/** Scenarios of the document on connected, but not accepted (S2). */
import type { Scenario } from '../scenario.js'

export const scenarios: readonly Scenario[] = []
