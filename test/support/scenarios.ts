/** What the suites of the lab's documents have in common: each scenario is run, and its outcome held against what is known. */
import { describe, expect, test } from 'vitest'
import { obstacleFor, observe } from '../../dist/lab/observe.js'
import type { Observation, Scenario } from '../../lib/lab/scenario.js'
import { commandExists } from './commands.js'
import { isLinux, isRealWindows } from './system.js'
import { isRoot } from './untyped.js'

export interface Outcome {
  verdict: Observation['verdict']
  data: object
  why?: RegExp
  /** Commands that it is observed with; tcpdump wants root besides. */
  needs?: readonly string[]
}

export type Outcomes = Readonly<Record<string, Outcome>>

export function between(low: number, high: number) {
  return {
    asymmetricMatch: (value: unknown) => typeof value === 'number' && value >= low && value <= high,
    toString: () => `between ${low} and ${high}`,
  }
}

export function scenarioOf(scenarios: readonly Scenario[], id: string): Scenario {
  const scenario = scenarios.find((each) => each.id === id)
  if (scenario === undefined) throw new Error(`no scenario ${id}`)
  return scenario
}

/** Why a scenario cannot be tested here, in words; undefined if it can. */
export function obstacle(scenario: Scenario, needs: readonly string[] = []): string | undefined {
  if (!isLinux) return 'needs Linux'
  const missing = needs.filter((command) => !commandExists(command))
  if (missing.length > 0) return `needs ${missing.join(' and ')}`
  // Without root a scenario does without; a test cannot.
  if (needs.includes('tcpdump') && !isRoot) return 'capturing packets needs root'
  return obstacleFor(scenario)
}

export function testOnLinux(
  scenarios: readonly Scenario[],
  outcomes: Outcomes,
  options: { timeout?: number } = {},
): void {
  describe('on Linux', { concurrent: true, ...options }, () => {
    for (const [id, { needs, why, ...outcome }] of Object.entries(outcomes)) {
      const scenario = scenarioOf(scenarios, id)
      const hindered = obstacle(scenario, needs)
      const suffix = hindered === undefined ? '' : ` (skipped: ${hindered})`
      test.skipIf(hindered !== undefined)(
        `${id}: ${scenario.claim}${suffix}`,
        async ({ expect }) => {
          const observation = await observe(scenario)
          expect(observation).toMatchObject(outcome)
          if (why === undefined) expect(observation.why).toBe(undefined)
          else expect(observation.why).toMatch(why)
        },
      )
    }
  })
}

export function testOnWindows(scenarios: readonly Scenario[], outcomes: Outcomes): void {
  describe('on Windows (skipped: needs real Windows)', () => {
    for (const [id, outcome] of Object.entries(outcomes)) {
      const { claim } = scenarioOf(scenarios, id)
      const name = `${id}: ${claim} (skipped: needs real Windows)`
      test.skipIf(!isRealWindows)(name, async () => {
        expect(await observe(scenarioOf(scenarios, id))).toMatchObject(outcome)
      })
    }
  })
}
