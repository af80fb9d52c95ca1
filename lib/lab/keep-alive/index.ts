/** Scenarios of the document on keep-alive on the server side (S4). */
import type { Scenario } from '../scenario.js'

export const scenarios: readonly Scenario[] = []
