/**
 * To one decimal, exact binary half-even: what `printf('%.1f', x)` prints. Only multiples of 0.25 that
 * are odd lie exactly between two tenths; `toFixed` rounds those up, everything else right.
 */
export function tenths(x: number): number {
  const quarters = x * 4
  const isTie = Number.isInteger(quarters) && Math.abs(quarters % 2) === 1
  if (!isTie) return Number(x.toFixed(1))
  const below = Math.floor(x * 10)
  return (below % 2 === 0 ? below : below + 1) / 10
}

/** Linear interpolation between the closest ranks, ends included. `sorted` is not empty. */
export function quantile(sorted: readonly number[], p: number): number {
  const rank = (sorted.length - 1) * p
  const below = Math.floor(rank)
  const [a = Number.NaN, b = a] = [sorted[below], sorted[below + 1]]
  return a + (b - a) * (rank - below)
}
