/** What a scenario is: one statement of a source document, and how to see it on this system. */
import type { Platform } from '../platform.js'

/** The source documents, by the number that their scenarios begin with. */
export const sources = {
  S0: 'the backlog argument of listen() (Windows, with Linux remarks)',
  S1: 'TIME_WAIT, SO_LINGER and Disconnect (Windows)',
  S2: 'connected, but not accepted (Windows)',
  S3: 'a TCP backlog example (Linux)',
  S4: 'keep-alive on the server side (Windows)',
} as const

export type SourceId = keyof typeof sources

export type Verdict = 'as documented' | 'differs here' | 'could not be shown here' | 'opinion'

/** What was seen, in one sentence and as data. */
export interface Observation {
  verdict: Exclude<Verdict, 'opinion'>
  /** One sentence with its numbers. */
  seen: string
  /** Why it differs, or why it could not be shown. */
  why?: string
  /** Counts, states, times in milliseconds, errors, packet ladders. */
  data: Record<string, unknown>
}

export interface Scenario {
  /** `'S1.16'`, as in docs/behaviours.md. */
  readonly id: `${SourceId}.${string}`
  /** The statement, in one sentence that can be read alone. */
  readonly claim: string
  /** The system that the document speaks of; `'any'` for both. */
  readonly of: 'Windows' | 'Linux' | 'any'
  /** What must be seen, on each system that the document (or a statement about it) covers. */
  readonly documented: string
  /** Where it can be run; left out: on every system. */
  readonly platforms?: readonly Platform[]
  /**
   * It wants a network namespace of its own: because it changes settings, drops packets, captures, or counts
   * what the whole system counts. The settings are those of `/proc/sys/net`.
   */
  readonly namespace?: { readonly settings?: Readonly<Record<string, string | number>> }
  /** Left out for an opinion, which nothing can be seen of. `slow` runs it in full. */
  readonly run?: (context: { readonly slow: boolean }) => Promise<Observation>
  /** With `--slow` it takes about so many seconds. */
  readonly slowSeconds?: number
}
