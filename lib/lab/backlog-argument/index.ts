/** Scenarios of the document on the backlog argument (S0). */
import type { Scenario } from '../scenario.js'

export const scenarios: readonly Scenario[] = []
