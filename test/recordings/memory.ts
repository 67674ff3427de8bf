/**
 * Least-squares slope of the lowest reading of every window of ten seconds: what is left after each
 * collection of garbage tells of a leak, what lies between does not.
 */
export function slopeMbPerMinute(samples: readonly { seconds: number; mb: number }[]): number {
  const windowSeconds = 10
  const lowest = new Map<number, number>()
  for (const { seconds, mb } of samples) {
    const window = Math.floor(seconds / windowSeconds)
    lowest.set(window, Math.min(lowest.get(window) ?? Number.POSITIVE_INFINITY, mb))
  }
  const points = [...lowest].map(([window, mb]) => ({ x: (window * windowSeconds) / 60, y: mb }))
  const meanX = points.reduce((sum, { x }) => sum + x, 0) / points.length
  const meanY = points.reduce((sum, { y }) => sum + y, 0) / points.length
  const covariance = points.reduce((sum, { x, y }) => sum + (x - meanX) * (y - meanY), 0)
  const variance = points.reduce((sum, { x }) => sum + (x - meanX) ** 2, 0)
  return variance === 0 ? 0 : covariance / variance
}
