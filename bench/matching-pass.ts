/**
 * Matches one stream against some of the rules, in a process of its own: the first pass is a true
 * cold start. Prints one JSON object. Run by `matching.ts`; arguments: stream, rules, passes.
 */

import { ruleContext } from '../rules/language/context.ts'
import { type CompiledRevision, compileRevision } from '../rules/matcher/revision.ts'
import type { Rule } from '../rules/rule.ts'
import { buildRuleSet } from '../rules/rule-set.ts'
import { Dice } from '../test/dice.ts'
import { sigmaFiles } from '../test/sigma/sigma-hq.ts'
import { eachLine } from './lines.ts'
import { eventOf } from './matching-streams.ts'
import { median } from './median.ts'

/** Figures of one process. CPU time in µs an event, all threads; of several passes the least. */
export interface PassFigures {
  readonly rules: number
  readonly events: number
  readonly matches: number
  readonly loadMs: number
  readonly compileMs: number
  /** Compiling the same set with one rule edited, from the revision in use. Median of 21. */
  readonly editMs: number
  readonly coldUs: number
  readonly steadyUs: number
  readonly parseUs: number
  readonly p50Us: number
  readonly p99Us: number
  readonly maxUs: number
  readonly candidatesPerEvent: number
  readonly alwaysEvaluated: number
  readonly plans: number
  /** Beyond the parsed rules: compiled conditions, plans and indexes in use. */
  readonly matcherHeapMb: number
  readonly rssMb: number
  readonly worst: readonly { readonly name: string; readonly usPerEvent: number }[]
}

const [stream = '', count = '', passes = ''] = process.argv.slice(2)
process.stdout.write(JSON.stringify(measure(stream, Number(count), Number(passes))))

function measure(file: string, ruleCount: number, passCount: number): PassFigures {
  const loadStart = performance.now()
  const rules = someRules(ruleCount)
  const loadMs = performance.now() - loadStart
  const heapBefore = heapMb()
  const compileStart = performance.now()
  const revision = compileRevision(rules, { timer: () => performance.now() })
  const compileMs = performance.now() - compileStart
  let matches = 0
  const matchAll = () =>
    eachLine(file, (line) => {
      const fields: Record<string, unknown> = JSON.parse(line.toString())
      matches += revision.match(eventOf(line, fields)).length
    })
  const cold = cpuUs(matchAll)
  const firstMatches = matches
  const before = revision.totals()
  // Matching and parsing alone take turns, so that both meet the same moods of the machine.
  const turns = Array.from({ length: passCount }, () => ({
    match: cpuUs(matchAll),
    parse: cpuUs(() => eachLine(file, (line) => JSON.parse(line.toString()))),
  }))
  const after = revision.totals()
  const events = cold.events
  const matcherHeapMb = heapMb() - heapBefore
  const latencies = latenciesUs(file, revision)
  return {
    rules: rules.length,
    events,
    matches: firstMatches,
    loadMs,
    compileMs,
    editMs: editMs(rules, revision),
    coldUs: cold.us / events,
    steadyUs: Math.min(...turns.map((turn) => turn.match.us)) / events,
    parseUs: Math.min(...turns.map((turn) => turn.parse.us)) / events,
    ...latencies,
    candidatesPerEvent:
      (after.candidatesTotal - before.candidatesTotal) / (after.eventsTotal - before.eventsTotal),
    alwaysEvaluated: after.alwaysEvaluated.length,
    plans: after.plans,
    matcherHeapMb,
    rssMb: process.memoryUsage().rss / 1e6,
    worst: worstRules(revision),
  }
}

/** The first so many of all rules in an order that is the same each time. */
function someRules(wanted: number): Rule[] {
  const files = sigmaFiles().filter(({ path }) => path.startsWith('rules/'))
  const rules = [...buildRuleSet(files, ruleContext()).rules]
  if (wanted >= rules.length) return rules
  const dice = new Dice(1)
  return Array.from({ length: wanted }, () => rules.splice(dice.below(rules.length), 1)).flat()
}

function cpuUs(work: () => number): { us: number; events: number } {
  const start = process.cpuUsage()
  const events = work()
  const spent = process.cpuUsage(start)
  return { us: spent.user + spent.system, events }
}

function latenciesUs(file: string, revision: CompiledRevision) {
  const all: number[] = []
  eachLine(file, (line) => {
    const start = performance.now()
    const fields: Record<string, unknown> = JSON.parse(line.toString())
    revision.match(eventOf(line, fields))
    all.push((performance.now() - start) * 1000)
  })
  all.sort((a, b) => a - b)
  const at = (share: number) => all[Math.floor(share * (all.length - 1))] ?? 0
  return { p50Us: at(0.5), p99Us: at(0.99), maxUs: at(1) }
}

function editMs(rules: readonly Rule[], revision: CompiledRevision): number {
  let previous = revision
  return median(
    Array.from({ length: 21 }, (_, round) => {
      const edited = [...rules]
      const index = (round * 149) % rules.length
      const rule = rules[index]
      if (rule === undefined) return 0
      const extra = {
        op: 'equals',
        field: 'User',
        value: `nobody ${round}`,
        isCased: false,
      } as const
      edited[index] = {
        ...rule,
        condition: { op: 'and', nodes: [rule.condition, { op: 'not', node: extra }] },
        ruleHash: `edit ${round}`,
        logicHash: `edit ${round}`,
      }
      const start = performance.now()
      previous = compileRevision(edited, { previous })
      return performance.now() - start
    }),
  )
}

/** By the time that their evaluation took, by sample. */
function worstRules(revision: CompiledRevision): { name: string; usPerEvent: number }[] {
  const { eventsTotal } = revision.totals()
  return revision
    .counters()
    .map(({ rule, counters }) => {
      const { candidatesTotal, timedMs, timedTotal } = counters
      const totalMs = timedTotal === 0 ? 0 : (timedMs / timedTotal) * candidatesTotal
      return { name: rule.name, usPerEvent: (totalMs * 1000) / eventsTotal }
    })
    .sort((left, right) => right.usPerEvent - left.usPerEvent)
    .slice(0, 5)
}

function heapMb(): number {
  globalThis.gc?.()
  return process.memoryUsage().heapUsed / 1e6
}
