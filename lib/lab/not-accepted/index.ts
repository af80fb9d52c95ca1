/** Scenarios of the document on connected, but not accepted (S2). */
import type { Scenario } from '../scenario.js'
import { scenarios as deferAccept } from './defer-accept.js'
import { scenarios as oneSlot } from './one-slot.js'
import { scenarios as queued } from './queued.js'
import { scenarios as reconnect } from './reconnect.js'

const opinion: Scenario = {
  id: 'S2.13',
  claim: 'Both the server and the client must be written with this in mind.',
  of: 'Windows',
  documented: 'Advice. How a program tells that a client has left: S4.13.',
}

const byId = new Intl.Collator('en', { numeric: true })

export const scenarios: readonly Scenario[] = [
  ...queued,
  ...oneSlot,
  ...reconnect,
  ...deferAccept,
  opinion,
].sort((one, other) => byId.compare(one.id, other.id))
