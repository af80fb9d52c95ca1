/** What the figures should be, and how far they are from it. */

const own = 'net-sockopt'

/** A row of calls: at most so many times the system call, and ahead of every other package. */
export function judgeCalls({ name, goal, cases }) {
  const { median } = cases[own]
  const verdicts = goal === undefined ? [] : [atMost(name, median, goal)]
  const [peer, best] = Object.entries(cases)
    .filter(([each]) => each !== own)
    .map(([each, summary]) => [each, summary.median])
    .sort(([, a], [, b]) => a - b)[0]
  const ahead = `${name}: ahead of every peer, the nearest being ${peer}`
  return [...verdicts, verdict(ahead, median < best, `${ratio(median)} against ${ratio(best)}`)]
}

function atMost(name, median, goal) {
  const by = median <= goal ? '' : `, missed by ${ratio(median - goal)}`
  return verdict(`${name}: at most ${ratio(goal)}`, median <= goal, `${ratio(median)}${by}`)
}

/** The accept path: inherited options differ from none no more than two plain servers from each other. */
export function judgeAcceptPath({ cases }) {
  return notMeasurablyAbove(1, cases, 'inherited', 'not measurably slower than without')
}

/** A listener of ours takes no more CPU time per connection than net.Server. */
export function judgeListeners(title, { cases }) {
  return notMeasurablyAbove(1, cases, 'listener', `at most ${ratio(1)}`, `${title}, `)
}

/** Nor more memory, but for a twentieth. */
export function judgeHeld(title, { cases }) {
  return notMeasurablyAbove(1.05, cases, 'listener', `at most ${ratio(1.05)}`, `${title}, `)
}

/** Missed if neither chance nor the difference of two equals explains what was found. */
function notMeasurablyAbove(goal, cases, judged, text, title = '') {
  const noise = cases.find(({ role }) => role === 'noise')
  return cases
    .filter(({ role }) => role === judged)
    .map(({ name, median, confidence }) => {
      const found = `${ratio(median)}, with 95 % confidence ${interval(confidence)}; noise ${interval(noise.confidence)}`
      const met = confidence[0] <= Math.max(goal, noise.confidence[1])
      return verdict(`${title}${name}: ${text}`, met, found)
    })
}

const interval = ([from, to]) => `${ratio(from)} to ${ratio(to)}`

const verdict = (goal, met, found) => ({ goal, met, found })

export function ratio(number) {
  return number.toFixed(number < 10 ? 2 : 1)
}
