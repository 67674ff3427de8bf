import type { SourceSet } from '../../schemas/source.ts'
import { compileRules } from '../compile.ts'
import type { Rule } from '../rule.ts'
import { type RunResult, runFile } from './run.ts'

/** `rules backtest`: two versions of a rule set over the same events, and what changes. */
export interface Backtest {
  readonly records: number
  readonly before: RunResult
  readonly after: RunResult
  /** Rules whose hits differ, by the size of the difference. */
  readonly rules: readonly Difference[]
  readonly techniques: readonly Difference[]
}

export interface Difference {
  readonly id: string
  readonly before: number
  readonly after: number
}

export async function backtest(
  before: readonly Rule[],
  after: readonly Rule[],
  path: string,
  sources: SourceSet,
): Promise<Backtest> {
  const first = await runFile(path, compileRules(before), sources)
  const second = await runFile(path, compileRules(after), sources)
  return {
    records: second.records,
    before: first,
    after: second,
    rules: differences(first.hits, second.hits),
    techniques: differences(first.techniques, second.techniques),
  }
}

export function formatBacktest(result: Backtest): string {
  const { before, after, records } = result
  const rows = (title: string, list: readonly Difference[]) =>
    list.length === 0
      ? [`${title}: no difference`]
      : [
          `${title}:`,
          ...list.map((one) => `  ${sign(one)}  ${one.id}  ${one.before} → ${one.after}`),
        ]
  return [
    `${records} records; events with a match: ${before.matched} → ${after.matched}`,
    ...rows('rules', result.rules),
    ...rows('techniques', result.techniques),
  ].join('\n')
}

type Counts = Readonly<Record<string, number>>

function differences(before: Counts, after: Counts): readonly Difference[] {
  const ids = [...new Set([...Object.keys(before), ...Object.keys(after)])]
  return ids
    .map((id) => ({ id, before: before[id] ?? 0, after: after[id] ?? 0 }))
    .filter((one) => one.before !== one.after)
    .sort(
      (a, b) =>
        Math.abs(b.after - b.before) - Math.abs(a.after - a.before) || (a.id < b.id ? -1 : 1),
    )
}

function sign({ before, after }: Difference): string {
  if (before === 0) return 'new '
  if (after === 0) return 'gone'
  return after > before ? 'more' : 'less'
}
