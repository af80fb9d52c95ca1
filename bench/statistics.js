/** Each value divided by the one of the same round. */
export function ratios(values, bases) {
  return values.map((value, round) => value / bases[round])
}

/** Median and quartiles, and the 95 % confidence interval of the median (by ranks, so for any distribution). */
export function summarise(values) {
  const sorted = values.toSorted((a, b) => a - b)
  const last = sorted.length - 1
  const at = (rank) => {
    const within = Math.min(Math.max(rank, 0), last)
    const below = sorted[Math.floor(within)]
    return below + (sorted[Math.ceil(within)] - below) * (within % 1)
  }
  const uncertain = 0.98 * Math.sqrt(sorted.length)
  return {
    median: at(last / 2),
    quartiles: [at(last / 4), at((last * 3) / 4)],
    confidence: [at(last / 2 - uncertain), at(last / 2 + uncertain)],
  }
}
