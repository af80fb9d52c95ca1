/** Scenarios of the document on the backlog argument (S0). */
import type { Scenario } from '../scenario.js'
import { fullQueue } from './full-queue.js'
import { halfOpen } from './half-open.js'
import { overflow } from './overflow.js'
import { queuedClients } from './queued-clients.js'
import { settings } from './settings.js'

const numberOf = ({ id }: Scenario): number => Number(id.split('.')[1])

export const scenarios: readonly Scenario[] = [
  ...fullQueue,
  ...queuedClients,
  ...halfOpen,
  ...overflow,
  ...settings,
].sort((a, b) => numberOf(a) - numberOf(b))
