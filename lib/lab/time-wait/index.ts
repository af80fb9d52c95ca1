/** Scenarios of the document on TIME_WAIT, SO_LINGER and Disconnect (S1). */
import type { Scenario } from '../scenario.js'

export const scenarios: readonly Scenario[] = []
