import type { Observation } from '../scenario.js'

interface Comparison {
  /** Was all of it seen that the document says? */
  asDocumented: boolean
  seen: string
  /** What is known about the difference, should there be one. */
  why?: string | undefined
  data: Record<string, unknown>
}

/** The observation, with the verdict that follows from it. */
export function compare({ asDocumented, seen, why, data }: Comparison): Observation {
  if (asDocumented) return { verdict: 'as documented', seen, data }
  const unknown = 'this system behaves otherwise than the document says; no reason is known'
  return { verdict: 'differs here', seen, why: why ?? unknown, data }
}

/** Something that a scenario needs and this machine lacks. */
export function cannotShow(why: string): Observation {
  return { verdict: 'could not be shown here', seen: 'nothing', why, data: {} }
}

/** Does a measured time fit? Timers are late by up to 15 %, and a busy machine lets us see it only later. */
export function isAbout(milliseconds: number | undefined, expected: number): boolean {
  if (milliseconds === undefined) return false
  return milliseconds >= 0.85 * expected && milliseconds <= 1.15 * expected + 600
}
