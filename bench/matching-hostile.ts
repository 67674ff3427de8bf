/** How long the worst events take. Prints one JSON object. Run by `matching.ts`. */
import { hostileCosts, quantileMs } from '../test/sigma/hostile-cost.ts'

export interface HostileFigures {
  /** CPU time of matching events of 100 KB, of all shapes alike. */
  readonly p999Ms: number
  readonly events: number
  readonly shapes: readonly ShapeFigures[]
}

export interface ShapeFigures {
  readonly name: string
  /** The shortest of a few. */
  readonly ms100Kb: number
  readonly ms1Mb: number
  readonly candidates: number
}

/** Of each shape. */
const [events100Kb, events1Mb] = [40, 5]

const small = hostileCosts(100_000, events100Kb)
const large = hostileCosts(1_000_000, events1Mb)
const figures: HostileFigures = {
  p999Ms: quantileMs(small, 0.999),
  events: small.length * events100Kb,
  shapes: small.map(({ name, leastMs, candidates }, index) => ({
    name,
    ms100Kb: leastMs,
    ms1Mb: large[index]?.leastMs ?? Number.NaN,
    candidates,
  })),
}
process.stdout.write(JSON.stringify(figures))
