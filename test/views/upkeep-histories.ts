import fc from 'fast-check'
import { catalogDay0, halfDayMs } from './catalog-histories.ts'
import type { CatalogRow, Change } from './catalog-rows.ts'
import { takenInBlocks } from './taken-in-blocks.ts'

/**
 * Random histories of what keeps detections up: queue items, owners, reviews and snapshots. Several
 * are loaded together, each with ids and techniques of its own. Shuffled, repeated and taken in late.
 */

const at = fc.integer({ min: 0, max: 40 }).map((step) => catalogDay0 + step * 10 * halfDayMs)
const iso = (ms: number) => new Date(ms).toISOString()
const actor = fc.constantFrom('jane', 'joe', 'jim')
const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined, freq: 2 })

function historyOf(key: number): fc.Arbitrary<Change[]> {
  const technique = fc.integer({ min: 0, max: 3 }).map((n) => `T${1000 + 10 * key + n}`)
  const idOf = (kind: string) => fc.integer({ min: 0, max: 5 }).map((n) => `${kind}-${key}-${n}`)
  const queueItem = fc
    .record({
      id: idOf('item'),
      event_time: at,
      technique_id: technique,
      status: fc.constantFrom(undefined, 'pending', 'in_progress', 'done', 'dismissed'),
      assignee: fc.constantFrom(undefined, 'u-1', 'u-2'),
      asset_id: fc.constantFrom(undefined, 'asset-1'),
      reason: fc.constantFrom(undefined, 'because'),
      due_at: maybe(at.map(iso)),
      actor,
    })
    .map(({ id, event_time, actor, ...entity }): Change => {
      return { kind: 'queue_item', id, event_time, actor, entity }
    })
  const owner = fc
    .record({
      id: idOf('owner'),
      event_time: at,
      technique_id: technique,
      owner_id: fc.constantFrom('u-1', 'u-2', 'u-3'),
      since: maybe(at.map(iso)),
      notes: fc.constantFrom(undefined, 'as agreed'),
      actor,
    })
    .map(({ id, event_time, actor, ...entity }): Change => {
      return { kind: 'technique_owner', id, event_time, actor, entity }
    })
  const review = fc
    .record({
      id: idOf('review'),
      event_time: at,
      technique_id: technique,
      reviewed_at: maybe(at.map(iso)),
      actor,
    })
    .map(({ id, event_time, actor, ...entity }): Change => {
      return { kind: 'technique_review', id, event_time, actor, entity }
    })
  const snapshot = fc
    .record({
      event_time: at,
      day: fc.integer({ min: 0, max: 3 }),
      validated: fc.integer({ min: 0, max: 600 }),
      partial: fc.integer({ min: 0, max: 60 }),
      score: maybe(fc.integer({ min: 0, max: 400 })),
    })
    .map(({ event_time, day, validated, partial, score }): Change => {
      const date = iso(Date.UTC(2020, 0, 1 + 10 * key + day)).slice(0, 10)
      const coverage_pct = validated === 0 ? null : validated / 6
      const counts = { coverage_pct, validated, partial, total: 691, attack_release: '18.1' }
      const one = {
        technique_id: 'T1003',
        status: 'partial',
        score: (score ?? 0) / 4,
        level: 'low',
      }
      const techniques = score === undefined ? {} : { techniques: [one] }
      const entity = { date, ...counts, computed_at: iso(event_time), ...techniques }
      const ours = { kind: 'coverage_snapshot', id: date, actor: 'ttpstream:decay' }
      return { ...ours, event_time, entity }
    })
  const deletion = fc
    .tuple(
      fc.oneof(
        idOf('item').map((id) => ({ kind: 'queue_item', id })),
        idOf('owner').map((id) => ({ kind: 'technique_owner', id })),
        idOf('review').map((id) => ({ kind: 'technique_review', id })),
      ),
      at,
    )
    .map(([target, event_time]): Change => ({ ...target, op: 'delete', event_time }))
  const some = (arbitrary: fc.Arbitrary<Change>, maxLength: number) =>
    fc.array(arbitrary, { minLength: 1, maxLength })
  return fc
    .tuple(
      some(queueItem, 20),
      some(owner, 12),
      some(review, 8),
      some(snapshot, 8),
      some(deletion, 6),
    )
    .map((parts) => parts.flat())
}

export function sampleUpkeep(seed: number, histories: number, firstOffset: number): CatalogRow[] {
  const changes = Array.from({ length: histories }, (_, key) =>
    fc.sample(historyOf(key), { seed: seed + key, numRuns: 1 }),
  ).flat(2)
  return takenInBlocks(changes, { seed, firstOffset, repeatEvery: 7, blockRows: 50 })
}
