// "Did you mean": the known word that a mistyped one resembles.

/** `; did you mean "…"?` with the nearest of `known`, or nothing when none is near. */
export function suggestion(word: string, known: Iterable<string>): string {
  // A third of the letters may be wrong; longer words than any key are not worth the comparison.
  const limit = Math.max(1, Math.floor(word.length / 3))
  let nearest: string | undefined
  let best = limit + 1
  for (const candidate of word.length > 64 ? [] : known) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase())
    if (distance < best) [nearest, best] = [candidate, distance]
  }
  return nearest === undefined ? '' : `; did you mean "${nearest}"?`
}

/** Letters to insert, delete, replace or swap with their neighbour (optimal string alignment). */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (let row = 1; row <= a.length; row++) {
    const current = [row]
    for (let column = 1; column <= b.length; column++) {
      const replaced = at(last, column - 1) + (a[row - 1] === b[column - 1] ? 0 : 1)
      const swapped =
        a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]
          ? at(beforeLast, column - 2) + 1
          : Infinity
      current.push(Math.min(replaced, swapped, at(last, column) + 1, at(current, column - 1) + 1))
    }
    ;[beforeLast, last] = [last, current]
  }
  return at(last, b.length)
}

function at(row: readonly number[], column: number): number {
  return row[column] ?? Infinity
}
