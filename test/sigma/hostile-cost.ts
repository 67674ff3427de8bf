import { existsSync, readFileSync } from 'node:fs'
import { ruleContext } from '../../rules/language/context.ts'
import { leavesOf } from '../../rules/language/tree.ts'
import { compileRevision } from '../../rules/matcher/revision.ts'
import { buildRuleSet } from '../../rules/rule-set.ts'
import { hostileEvent, hostileShapes } from '../hostile-events.ts'
import { sigmaFiles } from './sigma-hq.ts'

/**
 * What hostile events cost SigmaHQ's rules, as CPU time of the thread that matches: that is how long the
 * stream waits. A clock on a busy machine's wall would measure the others, and the CPU time of the whole
 * process what V8 compiles beside. JSON.parse is not included.
 */
export interface HostileCost {
  readonly name: string
  /** Of each event, in ms; the kernel counts by the tick, of some ms. */
  readonly ms: readonly number[]
  /** The shortest by the clock, in ms. */
  readonly leastMs: number
  /** Rules evaluated for one event. */
  readonly candidates: number
}

export function hostileCosts(bytes: number, events: number): readonly HostileCost[] {
  const files = sigmaFiles().filter(({ path }) => path.startsWith('rules/'))
  const { rules } = buildRuleSet(files, ruleContext())
  const leaves = rules.flatMap((rule) => leavesOf(rule.condition))
  const named = leaves.flatMap((leaf) =>
    leaf.op === 'contains' && leaf.field === 'CommandLine' ? [leaf.value] : [],
  )
  const literals = [...new Set(named)]
  const revision = compileRevision(rules)
  // Indexes and regexes are made when they are first needed; what that takes is no event's fault.
  for (const shape of hostileShapes) revision.match(hostileEvent(shape, bytes, literals))
  return hostileShapes.map((shape) => {
    const before = revision.totals().candidatesTotal
    const event = hostileEvent(shape, bytes, literals)
    let leastMs = Number.POSITIVE_INFINITY
    const ms = Array.from({ length: events }, () => {
      const [start, startOfThread] = [performance.now(), threadMs()]
      revision.match(event)
      const spent = threadMs() - startOfThread
      leastMs = Math.min(leastMs, performance.now() - start)
      return spent
    })
    const candidates = (revision.totals().candidatesTotal - before) / events
    return { name: shape.name, ms, leastMs, candidates }
  })
}

/** The kernel's account of the calling thread, in nanoseconds; elsewhere than on Linux the clock. */
function threadMs(): number {
  const file = '/proc/thread-self/schedstat'
  if (!existsSync(file)) return performance.now()
  return Number(readFileSync(file, 'utf8').split(' ')[0]) / 1e6
}

/** Over all events of all shapes. */
export function quantileMs(costs: readonly HostileCost[], share: number): number {
  const all = costs.flatMap(({ ms }) => ms).sort((a, b) => a - b)
  return all[Math.ceil(share * all.length) - 1] ?? Number.NaN
}
