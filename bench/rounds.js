/** Servers in turn, each compared with the first of its round. */
import { ratios, summarise } from './statistics.js'

/** The first time does not count: V8 compiles. */
export async function warmUp(started, sample) {
  for (const each of started) await sample(each)
}

/** Calls `sample` for every server in every round; each begins a round as often, and every other goes backwards. */
export async function inTurn(started, rounds, sample) {
  for (const each of started) each.samples = []
  for (let round = 0; round < rounds; round++) {
    const first = (round >> 1) % started.length
    const rotated = [...started.slice(first), ...started.slice(0, first)]
    const order = round % 2 === 0 ? rotated : rotated.toReversed()
    for (const each of order) each.samples.push(await sample(each))
  }
}

/** For each server but the first, its ratio to the first. */
export function compared([base, ...others]) {
  return {
    base: base.name,
    amount: summarise(base.samples).median,
    cases: others.map(({ name, role, samples }) => ({
      name,
      role,
      ...summarise(ratios(samples, base.samples)),
    })),
  }
}
