// What becomes of many figures.

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  const upper = sorted[middle] ?? NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? NaN) + upper) / 2
}

/** The smallest value that `percent` of all are not above (nearest rank). */
export function percentile(values: readonly number[], percent: number): number {
  const rank = Math.max(1, Math.ceil((values.length * percent) / 100))
  return values.toSorted((a, b) => a - b)[rank - 1] ?? NaN
}

/** Three digits that count. */
export function shown(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3)
}
