/** Scenarios of the document on keep-alive on the server side (S4). */
import type { Scenario } from '../scenario.js'
import { scenarios as closedListener } from './closed-listener.js'
import { scenarios as inheritance } from './inheritance.js'
import { scenarios as peek } from './peek.js'
import { scenarios as settings } from './settings.js'
import { scenarios as silentClient } from './silent-client.js'
import { scenarios as stoppedClient } from './stopped-client.js'

const opinion: Scenario = {
  id: 'S4.7',
  claim: 'Times of its own for each accepted socket are seldom needed.',
  of: 'Windows',
  documented: 'An opinion.',
}

const byId = new Intl.Collator('en', { numeric: true })

export const scenarios: readonly Scenario[] = [
  ...silentClient,
  ...inheritance,
  ...settings,
  ...stoppedClient,
  ...closedListener,
  ...peek,
  opinion,
].sort((one, other) => byId.compare(one.id, other.id))
