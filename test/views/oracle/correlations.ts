import type { Row } from '../../../schemas/table.ts'

/** Where a correlation holds, one event at a time. */

export type MatchRow = Row<'rule_matches'>

export interface Asked {
  readonly type: 'event_count' | 'value_count' | 'temporal' | 'temporal_ordered'
  /** In the order of the correlation. */
  readonly ruleIds: readonly string[]
  /** For each of the rules. */
  readonly groupFields: readonly (readonly string[])[]
  readonly valueFields: readonly (readonly string[])[]
  readonly windowMs: number
  readonly sinceMs: number
  readonly isHeld: (measure: number) => boolean
}

interface Match {
  readonly row: MatchRow
  readonly step: number
  /** Undefined: one of the fields is not there. */
  readonly group: readonly string[] | undefined
  readonly value: readonly string[] | undefined
}

export function correlationMatches(
  rows: readonly MatchRow[],
  asked: Asked,
): Record<string, unknown>[] {
  const matches = rows.flatMap((row): Match[] => {
    const step = asked.ruleIds.indexOf(row.rule_id)
    if (step < 0) return []
    const group = valuesOf(row, asked.groupFields[step] ?? [])
    return [{ row, step, group, value: valuesOf(row, asked.valueFields[step] ?? []) }]
  })
  const keyOf = ({ group }: Match) => JSON.stringify(group)
  const grouped = matches.filter(({ group }) => group !== undefined)
  return [...new Set(grouped.map(keyOf))].flatMap((key) =>
    ofGroup(
      grouped.filter((match) => keyOf(match) === key),
      asked,
    ),
  )
}

function ofGroup(group: readonly Match[], asked: Asked): Record<string, unknown>[] {
  const { windowMs, sinceMs, isHeld } = asked
  const fresh = group.filter(({ row }) => row.ingest_time >= sinceMs)
  const times = fresh.map(({ row }) => row.event_time)
  const [firstMs, lastMs] = [Math.min(...times), Math.max(...times) + windowMs]
  const ordered = group.toSorted(
    (a, b) =>
      a.row.event_time - b.row.event_time ||
      a.step - b.step ||
      (a.row.source_id < b.row.source_id ? -1 : 1),
  )
  const buckets = new Map<number, Record<string, unknown>>()
  for (const { row } of ordered.toSorted(byEvent)) {
    const { event_time } = row
    const bucket = Math.floor(event_time / windowMs)
    // The first event of a bucket at which it holds stands for it.
    if (event_time < firstMs || event_time > lastMs || buckets.has(bucket)) continue
    const within = ordered.filter(
      (one) => one.row.event_time <= event_time && one.row.event_time >= event_time - windowMs,
    )
    const measure = measures[asked.type](within)
    if (!isHeld(measure)) continue
    buckets.set(bucket, {
      // Where nothing is grouped by, all is one group, of an empty value.
      group_values: group[0]?.group?.length === 0 ? [''] : group[0]?.group,
      bucket,
      anchor_ms: event_time,
      anchor_measure: measure,
      anchor_host: row.host,
      anchor_user: row.user,
      anchor_attacker_id: row.attacker_id,
      source_event_ids: [...new Set(within.map((one) => one.row.source_id))].slice(-100),
    })
  }
  return [...buckets.values()]
}

function byEvent(a: Match, b: Match): number {
  return a.row.event_time - b.row.event_time || (a.row.source_id < b.row.source_id ? -1 : 1)
}

const measures: Readonly<Record<Asked['type'], (within: readonly Match[]) => number>> = {
  event_count: (within) => new Set(within.map(({ row }) => row.source_id)).size,
  value_count: (within) => {
    const values = within.flatMap(({ value }) => (value === undefined ? [] : [value]))
    return new Set(values.map((value) => JSON.stringify(value))).size
  },
  temporal: (within) => new Set(within.map(({ step }) => step)).size,
  temporal_ordered: (within) => {
    let reached = 0
    for (const { step } of within) if (step === reached) reached += 1
    return reached
  },
}

/** No names have no value of their own. */
function valuesOf(row: MatchRow, names: readonly string[]): readonly string[] | undefined {
  const values = names.map((name) => row.field_values[row.field_names.indexOf(name)])
  const known = values.filter((value) => value !== undefined)
  return known.length < names.length ? undefined : known
}
