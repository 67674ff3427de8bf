/** How long the worst events take. Prints one JSON array. Run by `matching.ts`. */
import { ruleContext } from '../rules/language/context.ts'
import { leavesOf } from '../rules/language/tree.ts'
import { compileRevision } from '../rules/matcher/revision.ts'
import { buildRuleSet } from '../rules/rule-set.ts'
import { hostileEvent, hostileShapes } from '../test/hostile-events.ts'
import { sigmaFiles } from '../test/sigma/sigma-hq.ts'

export interface HostileFigures {
  readonly name: string
  /** CPU time of matching, without JSON.parse; the least of a few. */
  readonly ms100Kb: number
  readonly ms1Mb: number
  readonly candidates: number
}

const rounds = 5

const files = sigmaFiles().filter(({ path }) => path.startsWith('rules/'))
const { rules } = buildRuleSet(files, ruleContext())
const literals = new Set(
  rules
    .flatMap((rule) => leavesOf(rule.condition))
    .flatMap((leaf) =>
      leaf.op === 'contains' && leaf.field === 'CommandLine' ? [leaf.value] : [],
    ),
)
const revision = compileRevision(rules)
const figures = hostileShapes.map((shape): HostileFigures => {
  const candidatesBefore = revision.totals().candidatesTotal
  const [ms100Kb = 0, ms1Mb = 0] = [100_000, 1_000_000].map((bytes) => {
    const event = hostileEvent(shape, bytes, [...literals])
    return Math.min(
      ...Array.from({ length: rounds }, () => {
        const start = process.cpuUsage()
        revision.match(event)
        const { user, system } = process.cpuUsage(start)
        return (user + system) / 1000
      }),
    )
  })
  const candidates = (revision.totals().candidatesTotal - candidatesBefore) / (2 * rounds)
  return { name: shape.name, ms100Kb, ms1Mb, candidates }
})
process.stdout.write(JSON.stringify(figures))
