import type { Row } from '../../schemas/table.ts'
import { tagsDay0 } from './tag-histories.ts'

const dayMs = 86_400_000

/** A coverage snapshot as the daily run reports it, `days` after the first day of the tags. */
export function snapshotRow(
  days: number,
  given: { readonly coverage_pct: number | null },
): Row<'catalog_events'> {
  const time = tagsDay0 + days * dayMs
  const date = new Date(time).toISOString().slice(0, 10)
  return {
    log: 'l2',
    topic: 'ttp.catalog',
    partition: 0,
    offset: 100_000 + days,
    ingest_time: time,
    record_time: time,
    event_time: time,
    is_time_capped: false,
    kind: 'coverage_snapshot',
    id: date,
    op: 'put',
    actor: 'ttpstream:decay',
    reason: '',
    entity: JSON.stringify({
      date,
      ...given,
      validated: 80,
      partial: 13,
      total: 691,
      attack_release: '18.1',
      computed_at: new Date(time).toISOString(),
      techniques: [{ technique_id: 'T1003', status: 'validated', score: 61.5, level: 'medium' }],
    }),
    derived: '{}',
  }
}
