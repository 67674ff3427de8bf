import fc from 'fast-check'
import { type AlertRow, alertRow } from './alert-histories.ts'
import { catalogDay0, halfDayMs } from './catalog-histories.ts'
import { type CatalogRow, type Change, catalogRows } from './catalog-rows.ts'

/**
 * Histories of alerts, each of an id of its own: records that tell and clear any field, late, repeated
 * and in no order, from two partitions, and words of the catalogue on the same alerts, before they
 * were raised and after. Few instants, so that many changes are of one time.
 */

const steps = 12
const at = fc.integer({ min: 0, max: steps }).map((step) => catalogDay0 + step * 10 * halfDayMs)

/** Beside every time of the histories, and on it. */
export const alertInstants = fc
  .tuple(at, fc.constantFrom(-1, 0, 0, 1, halfDayMs))
  .map(([ms, beside]) => ms + beside)

const texts = (...values: string[]) => fc.subarray(values, { minLength: 1 })
const fields = {
  raised_at: at,
  asset_id: fc.constantFrom('asset-1', 'asset-2'),
  severity: fc.constantFrom('high', 'low'),
  technique_ids: texts('T1003', 'T1003.001', 'T1059'),
  hosts: texts('ws1', 'ws2', 'ws2.example.local'),
  users: texts('jane', 'joe'),
  src_ips: texts('10.0.0.7', '10.0.0.8'),
  source_event_ids: texts('e1', 'e2'),
  status: fc.constantFrom('open', 'closed'),
  acknowledged_at: at,
  verdict: fc.constantFrom('true_positive', 'false_positive', 'benign'),
  verdict_at: at,
  url: fc.constantFrom('https://siem.example/1', 'https://siem.example/2'),
}
const names = Object.keys(fields)

/** Not to be cleared: a rule is told anew, in part or in whole. */
const rule = fc.record(
  {
    rule_system: fc.constantFrom('siem', 'edr'),
    rule_id: fc.constantFrom('x1', 'x2'),
    rule_name: fc.constantFrom('Rule', 'Other rule'),
    rule_version: fc.constantFrom('1', '2'),
  },
  { requiredKeys: [] },
)

const record = fc
  .record({
    event_time: at,
    /** Recorded late, or at once. */
    late: fc.constantFrom(0, 0, 60_000, 40 * halfDayMs),
    partition: fc.constantFrom(0, 0, 1),
    values: fc.record(fields),
    told: fc.subarray(names, { maxLength: 5 }),
    cleared: fc.oneof(
      { weight: 2, arbitrary: fc.constant<string[]>([]) },
      fc.subarray(names, { maxLength: 3 }),
    ),
    rule,
    isRepeated: fc.constantFrom(false, false, false, true),
  })
  .map(({ event_time, late, partition, values, told, cleared, rule, isRepeated }) => {
    const given = Object.entries(values).filter(
      ([name]) => told.includes(name) && !cleared.includes(name),
    )
    const place = { event_time, record_time: event_time + late, partition, cleared }
    // Checked: names and values both come from `fields`, which follow the row's columns.
    const row = alertRow({ ...(Object.fromEntries(given) as Partial<AlertRow>), ...place, ...rule })
    return isRepeated ? [row, row] : [row]
  })

const word = fc.record({
  event_time: at,
  /** A second word under an id puts the first right. */
  number: fc.integer({ min: 0, max: 2 }),
  verdict: fc.constantFrom('true_positive', 'False_Positive', 'undetermined'),
})

const history = fc.record({
  records: fc.array(record, { minLength: 1, maxLength: 6 }).map((rows) => rows.flat()),
  words: fc.array(word, { maxLength: 2 }),
})

/** Of the first word: a record below has a place of its own. */
export const wordOffset = 1_000_000

export interface AlertHistories {
  readonly alerts: readonly AlertRow[]
  readonly catalog: readonly CatalogRow[]
}

/** In the order in which they come. Some words have the very place of a record, in a topic of their own. */
export function sampleAlertChanges(seed: number, count: number): AlertHistories {
  const histories = fc.sample(history, { seed, numRuns: count })
  const rows = histories.flatMap(({ records }, index) =>
    records.map((row) => ({ ...row, alert_id: `changed-${index}` })),
  )
  const words = histories.flatMap((one, index) =>
    one.words.map(({ event_time, number, verdict }): Change => {
      const entity = { alert_id: `changed-${index}`, verdict }
      return { kind: 'verdict', id: `word-${index}-${number}`, event_time, entity }
    }),
  )
  const catalog = catalogRows(shuffled(words, seed), { firstOffset: wordOffset })
  const alerts = shuffled(rows, seed).map((row, offset) => ({ ...row, offset }))
  for (const { entity, event_time, record_time, partition, offset } of catalog) {
    const index = alerts.findIndex((row) => row.alert_id === JSON.parse(entity).alert_id)
    const row = alerts[index]
    // No record is at two places, and no place has two records.
    if (row === undefined || row.offset >= wordOffset) continue
    alerts[index] = { ...row, event_time, record_time, partition, offset }
  }
  return { alerts, catalog }
}

function shuffled<T>(items: readonly T[], seed: number): T[] {
  const all = fc.shuffledSubarray([...items], { minLength: items.length })
  return fc.sample(all, { seed, numRuns: 1 })[0] ?? []
}
