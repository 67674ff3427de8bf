import { isRefusal, type SourceSet } from '../../schemas/source.ts'
import { compileRules } from '../compile.ts'
import { emitsOf } from '../emit.ts'
import type { Rule } from '../rule.ts'
import { parseRecord } from './run.ts'

/**
 * `rules backtest OLD NEW`: what would change if these rules replaced those, on recorded events.
 * Only rules whose logic differs are run.
 */
export interface Backtest {
  readonly records: number
  readonly events: number
  /** Rules that differ, by id. */
  readonly rules: readonly RuleDifference[]
  /** Tags by technique, most specific, of the rules that differ. */
  readonly techniques: Readonly<Record<string, { readonly before: number; readonly after: number }>>
}

export interface RuleDifference {
  readonly ruleId: string
  readonly change: 'added' | 'removed' | 'edited'
  /** Events matched by the old and by the new version. */
  readonly before: number
  readonly after: number
  readonly gained: number
  readonly lost: number
  /** Lines, from 1, of the first events gained and lost. */
  readonly gainedLines: readonly number[]
  readonly lostLines: readonly number[]
}

const linesMax = 20

export async function backtest(
  before: readonly Rule[],
  after: readonly Rule[],
  lines: AsyncIterable<string> | readonly string[],
  sources: SourceSet,
): Promise<Backtest> {
  const tallies = talliesOf(before, after)
  const old = compileRules(before.filter((rule) => tallies.has(rule.id)))
  const next = compileRules(after.filter((rule) => tallies.has(rule.id)))
  const techniques = new Map<string, { before: number; after: number }>()
  let records = 0
  let events = 0
  for await (const line of lines) {
    if (line === '') continue
    records += 1
    const record = parseRecord(line)
    if (record === undefined) continue
    const json = Buffer.from(line)
    const at = { log: 'file', topic: 'file', partition: 0, offset: records, recordTimeMs: 0, json }
    const event = sources.read(record, at)
    if (isRefusal(event)) continue
    events += 1
    for (const [side, revision] of [
      ['before', old],
      ['after', next],
    ] as const) {
      for (const rule of revision.match(event)) {
        tallies.get(rule.id)?.matched.add(side)
        for (const { techniqueId, subTechniqueId } of emitsOf(rule, event)) {
          const id = subTechniqueId || techniqueId
          const counts = techniques.get(id) ?? { before: 0, after: 0 }
          counts[side] += 1
          techniques.set(id, counts)
        }
      }
    }
    for (const tally of tallies.values()) tally.endEvent(records)
  }
  return {
    records,
    events,
    rules: [...tallies.values()].map((tally) => tally.difference()),
    techniques: Object.fromEntries([...techniques].sort(([a], [b]) => (a < b ? -1 : 1))),
  }
}

export function formatBacktest({ events, rules }: Backtest): string {
  const changed = rules.filter(({ gained, lost }) => gained + lost > 0)
  const lines = changed.map(({ ruleId, change, before, after, gained, lost }) => {
    return `${ruleId} (${change}): ${before} → ${after} events, ${gained} gained, ${lost} lost`
  })
  const rest = rules.length - changed.length
  return [...lines, `${events} events; ${rest} rules differ and match the same`].join('\n')
}

class Tally {
  /** Which sides matched the current event. */
  readonly matched = new Set<'before' | 'after'>()
  readonly #ruleId: string
  readonly #change: RuleDifference['change']
  readonly #counts = { before: 0, after: 0, gained: 0, lost: 0 }
  readonly #gainedLines: number[] = []
  readonly #lostLines: number[] = []

  constructor(ruleId: string, change: RuleDifference['change']) {
    this.#ruleId = ruleId
    this.#change = change
  }

  endEvent(line: number): void {
    if (this.matched.size === 0) return
    const was = this.matched.has('before')
    const is = this.matched.has('after')
    this.#counts.before += Number(was)
    this.#counts.after += Number(is)
    if (was !== is) {
      this.#counts[is ? 'gained' : 'lost'] += 1
      const lines = is ? this.#gainedLines : this.#lostLines
      if (lines.length < linesMax) lines.push(line)
    }
    this.matched.clear()
  }

  difference(): RuleDifference {
    return {
      ruleId: this.#ruleId,
      change: this.#change,
      ...this.#counts,
      gainedLines: this.#gainedLines,
      lostLines: this.#lostLines,
    }
  }
}

/** One for each rule whose logic differs, by id. */
function talliesOf(before: readonly Rule[], after: readonly Rule[]): Map<string, Tally> {
  const old = new Map(before.map((rule) => [rule.id, rule.logicHash]))
  const next = new Map(after.map((rule) => [rule.id, rule.logicHash]))
  const ids = [...new Set([...old.keys(), ...next.keys()])].sort()
  return new Map(
    ids
      .filter((id) => old.get(id) !== next.get(id))
      .map((id) => [
        id,
        new Tally(id, old.has(id) ? (next.has(id) ? 'edited' : 'removed') : 'added'),
      ]),
  )
}
