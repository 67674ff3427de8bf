import fc from 'fast-check'
import { catalogDay0, halfDayMs } from './catalog-histories.ts'
import type { CatalogRow, Change } from './catalog-rows.ts'
import { takenInBlocks } from './taken-in-blocks.ts'

/**
 * Random histories of what the daily run records, and of the mappings that tell which techniques a
 * validation without one is about. Each has techniques, assets, validations, days and requests of its
 * own. Shuffled, repeated and taken in late; a mapping's record may be turned to another technique.
 */

const steps = 40
const at = fc.integer({ min: 0, max: steps }).map((step) => catalogDay0 + step * 10 * halfDayMs)
const iso = (ms: number) => new Date(ms).toISOString()
const actor = 'ttpstream:decay'
const cause = fc.constantFrom('expired', 'rule_changed', 'infrastructure_event')

/** Parent and sub-techniques: the text of the one begins that of the others. */
export function decayTechniques(key: number): readonly string[] {
  return ['', '.001', '.002'].map((sub) => `T${2000 + key}${sub}`)
}

export function decayAssets(key: number): readonly string[] {
  return [0, 1].map((n) => `decay-asset-${key}-${n}`)
}

function historyOf(key: number): fc.Arbitrary<Change[]> {
  const technique = fc.constantFrom(...decayTechniques(key))
  const asset = fc.constantFrom(...decayAssets(key))
  const small = (count: number) => fc.integer({ min: 0, max: count - 1 })
  const mappingId = small(4).map((n) => `decay-mapping-${key}-${n}`)
  const mapping = fc
    .record({
      id: mappingId,
      event_time: at,
      asset_id: asset,
      technique_id: technique,
      confidence_level: fc.constantFrom(undefined, 'low', 'high'),
      coverage_type: fc.constantFrom(undefined, 'prevent'),
      notes: fc.constantFrom(undefined, 'as agreed'),
    })
    .map(({ id, event_time, ...entity }): Change => ({ kind: 'mapping', id, event_time, entity }))
  const unmapping = fc
    .record({ id: mappingId, event_time: at })
    .map((change): Change => ({ kind: 'mapping', op: 'delete', ...change }))
  const change = fc
    .record({
      number: small(3),
      event_time: at,
      asset_id: asset,
      technique_id: fc.oneof(technique, fc.constant(undefined)),
      causes: fc.uniqueArray(cause),
      began: fc.uniqueArray(cause),
      ended: fc.uniqueArray(cause),
    })
    .map(({ number, event_time, causes, began, ...entity }): Change => {
      const validation_id = `decay-validation-${key}-${number}`
      const told = began.map((one) => ({ cause: one, at: iso(event_time) }))
      return {
        kind: 'validity_change',
        id: validation_id,
        actor,
        event_time,
        entity: { ...entity, validation_id, causes, began: told, is_valid: causes.length === 0 },
      }
    })
  const score = fc.record({
    technique_id: technique,
    status: fc.constantFrom('validated', 'partial', 'none'),
    score: fc.integer({ min: 0, max: 400 }).map((quarters) => quarters / 4),
    level: fc.constantFrom('low', 'medium', 'high'),
  })
  const snapshot = fc
    .record({
      event_time: at,
      day: small(3),
      techniques: fc.option(
        fc.uniqueArray(score, { selector: ({ technique_id }) => technique_id }),
        { nil: undefined, freq: 4 },
      ),
    })
    .map(({ event_time, day, techniques }): Change => {
      const date = iso(Date.UTC(2010, 0, 1 + 3 * key + day)).slice(0, 10)
      const counts = { coverage_pct: 1, validated: 1, partial: 1, total: 691 }
      const told = { date, ...counts, attack_release: '18.1', computed_at: iso(event_time) }
      const entity = techniques === undefined ? told : { ...told, techniques }
      return { kind: 'coverage_snapshot', id: date, actor, event_time, entity }
    })
  const runId = small(4).map((n) => `decay-run-${key}-${n}`)
  const request = fc
    .record({ id: runId, event_time: at, actor: fc.constantFrom('jane', 'joe') })
    .map((told): Change => ({ kind: 'decay_request', ...told, entity: {} }))
  const run = fc
    .record({
      id: runId,
      event_time: at,
      began: small(3),
      ended: small(3),
      opened: fc.subarray(['T1003', 'T1059.001']),
      snapshot_date: fc.constantFrom(undefined, '2026-01-01'),
      records: small(9),
    })
    .map(({ id, event_time, ...entity }): Change => {
      return { kind: 'decay_run', id, actor, event_time, entity }
    })
  const some = (arbitrary: fc.Arbitrary<Change>, maxLength: number) =>
    fc.array(arbitrary, { minLength: 1, maxLength })
  return fc
    .tuple(
      some(mapping, 7),
      fc.array(unmapping, { maxLength: 3 }),
      some(change, 8),
      some(snapshot, 5),
      some(request, 4),
      some(run, 4),
    )
    .map((parts) => parts.flat())
}

export function sampleDecay(seed: number, histories: number, firstOffset: number): CatalogRow[] {
  const changes = Array.from({ length: histories }, (_, key) =>
    fc.sample(historyOf(key), { seed: seed + key, numRuns: 1 }),
  ).flat(2)
  return takenInBlocks(changes, { seed, firstOffset, repeatEvery: 6, blockRows: 200 })
}
