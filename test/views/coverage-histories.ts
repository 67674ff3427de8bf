import fc from 'fast-check'
import { attack, catalogDay0, halfDayMs } from './catalog-histories.ts'
import type { CatalogRow, Change } from './catalog-rows.ts'
import { takenInBlocks } from './taken-in-blocks.ts'

/**
 * Histories of what upholds coverage, each of a technique with its sub-techniques and of assets, platforms,
 * log sources, validations, invalidations, infrastructure changes and reviews of its own. Edits, deletions
 * and second records of one id are many, and most instants are shared.
 */

const steps = 24
const atStep = (step: number) => catalogDay0 + step * 10 * halfDayMs
const at = fc.integer({ min: 0, max: steps }).map(atStep)
/** In order over the whole time, on the instants of the histories and beside them. */
export const coverageInstants = fc.tuple(
  ...[2, 6, 10, 14, 18, 22].map((least) =>
    fc
      .tuple(fc.integer({ min: least, max: least + 4 }), fc.constantFrom(-1, 0, 0, 1, halfDayMs))
      .map(([step, beside]) => atStep(step) + beside),
  ),
)

const iso = (ms: number) => new Date(ms).toISOString()
const maybe = <T>(...values: T[]) => fc.constantFrom(undefined, ...values)
const mostly = <T>(usual: T, other: T) =>
  fc.oneof({ weight: 8, arbitrary: fc.constant(usual) }, fc.constant(other))
const small = (count: number) => fc.integer({ min: 0, max: count - 1 })
const hash = maybe('h1', 'h2')

/** What somebody says of an asset beside all that is compared. */
const described = fc.record({
  description: maybe('watches'),
  rule_language: maybe('sigma'),
  log_source_config: maybe({ channel: 'Security', ids: [4624] }),
  expected_alert_frequency: maybe('daily'),
  owner_id: maybe('jane'),
  backup_owner_id: maybe('joe'),
  team: maybe('blue'),
  tags: maybe(['a', 'b'], []),
  asset_metadata: maybe({ cost: 1.5, nested: { a: [] } }),
  external_ids: maybe([{ system: 'siem', id: 'x1' }]),
})

/** Active parents, each with up to two of its sub-techniques. */
const active = attack.techniques().filter((one) => !one.isRevoked && !one.isDeprecated)
const families = active
  .filter(({ parentId }) => parentId === undefined)
  .map(({ id }) => [
    id,
    ...active
      .filter((one) => one.parentId === id)
      .map((one) => one.id)
      .slice(0, 2),
  ])

function historyOf(key: number): fc.Arbitrary<Change[]> {
  const technique = fc.constantFrom(...(families[key % families.length] ?? []))
  const asset = small(2).map((n) => `held-${key}-${n}`)
  const name = (what: string) => maybe(`${what}-${key}`, `${what.toUpperCase()}-${key}`)
  const assetPut = fc
    .record({
      id: asset,
      event_time: at,
      asset_type: fc.constantFrom('sigma', 'EDR'),
      platform: name('platform'),
      log_source_name: name('source'),
      log_source_version: mostly('1', '2'),
      rule_content: mostly('a', 'b'),
      rule_version: maybe('1', '2', '3'),
      rule_file_path: maybe('rules/a.yml', 'rules/b.yml'),
      rule_repository_url: maybe('https://git.example/rules'),
      infrastructure_details: mostly({ siem: 'x' }, { siem: 'y' }),
      is_active: mostly(true, false),
      adoption: maybe('candidate', 'adopted'),
      described,
      actor: fc.constantFrom('jane', 'joe'),
      logic_hash: maybe('l1', 'l1', 'l2'),
    })
    .map(({ id, event_time, actor, described, logic_hash, ...rest }): Change => {
      const told = {
        ...{ kind: 'detection_asset', id, event_time, actor },
        entity: { name: id, ...described, ...rest },
      }
      return logic_hash === undefined ? told : { ...told, ...stated({ logic_hash }) }
    })
  const mapping = fc
    .record({
      id: small(4).map((n) => `held-mapping-${key}-${n}`),
      event_time: fc.oneof(at, fc.constant(atStep(0))),
      asset_id: asset,
      technique_id: technique,
      confidence_level: maybe('low', 'high'),
    })
    .map(({ id, event_time, ...entity }): Change => ({ kind: 'mapping', id, event_time, entity }))
  const validationId = small(8).map((n) => `held-validation-${key}-${n}`)
  const validation = fc
    .record({
      id: validationId,
      event_time: at,
      told: fc.record({
        asset_id: asset,
        technique_id: fc.oneof({ weight: 3, arbitrary: technique }, fc.constant(undefined)),
        validation_result: fc.constantFrom(
          'detected',
          'detected',
          'partially_detected',
          'not_detected',
        ),
        validated_by: maybe('jane', 'joe'),
        validation_method: maybe('manual', 'purple'),
        evidence_ids: maybe(['e1', 'e2']),
        notes: maybe('as seen'),
        test_id: maybe('t1'),
      }),
      /** Seen before it was recorded. */
      age: fc.constantFrom(0, 0, 3),
      lasts: maybe(4, 30),
      seen: fc.option(
        fc.record({
          rule_hash: hash,
          logic_hash: maybe('l1', 'l2'),
          log_source_version: maybe('1', '2'),
          infrastructure_hash: hash,
        }),
        { freq: 5 },
      ),
    })
    .map(({ id, event_time, told, age, lasts, seen }): Change => {
      const seenMs = event_time - age * 10 * halfDayMs
      const expires_at = lasts === undefined ? undefined : iso(seenMs + lasts * 10 * halfDayMs)
      const entity = { ...told, validated_at: iso(seenMs), expires_at }
      const change = { kind: 'validation', id, event_time, entity }
      return seen === null ? change : { ...change, ...stated(seen) }
    })
  const invalidation = fc
    .record({
      id: small(3).map((n) => `held-invalidation-${key}-${n}`),
      event_time: at,
      validation_id: validationId,
      reason: maybe('a mistake', 'another mistake'),
      actor: fc.constantFrom('jane', 'joe'),
    })
    .map(({ id, event_time, actor, ...entity }): Change => {
      return { kind: 'invalidation', id, event_time, actor, entity }
    })
  const infrastructure = fc
    .record({
      id: small(3).map((n) => `held-change-${key}-${n}`),
      event_time: at,
      change_type: fc.constant('upgrade'),
      change_date: at.map(iso),
      description: maybe('as planned'),
      change_metadata: maybe({ ticket: 7 }),
      affected_platforms: fc.subarray([`Platform-${key}`, 'elsewhere']),
      affected_log_sources: fc.subarray([`Source-${key}`]),
      auto_invalidate: maybe(true, true, false),
    })
    .map(({ id, event_time, ...entity }): Change => {
      return { kind: 'infrastructure_change', id, event_time, entity }
    })
  const review = fc
    .record({
      id: small(4).map((n) => `held-review-${key}-${n}`),
      event_time: at,
      technique_id: technique,
      reviewed_at: fc.oneof(fc.constant(undefined), at.map(iso)),
      reviewed_by: maybe('jane', 'joe', 'jim'),
      status: maybe('validated', 'partial', 'none'),
    })
    .map(({ id, event_time, ...entity }): Change => {
      return { kind: 'technique_review', id, event_time, entity }
    })
  const deletion = fc
    .record({
      target: fc.oneof(
        asset.map((id) => ({ kind: 'detection_asset', id })),
        small(4).map((n) => ({ kind: 'mapping', id: `held-mapping-${key}-${n}` })),
        small(3).map((n) => ({ kind: 'infrastructure_change', id: `held-change-${key}-${n}` })),
        small(4).map((n) => ({ kind: 'technique_review', id: `held-review-${key}-${n}` })),
      ),
      event_time: at,
    })
    .map(({ target, event_time }): Change => ({ ...target, op: 'delete', event_time }))
  const some = (arbitrary: fc.Arbitrary<Change>, minLength: number, maxLength: number) =>
    fc.array(arbitrary, { minLength, maxLength })
  return fc
    .tuple(
      some(assetPut, 1, 6),
      some(mapping, 1, 5),
      some(validation, 2, 10),
      some(invalidation, 0, 3),
      some(infrastructure, 0, 4),
      some(review, 0, 5),
      some(deletion, 0, 2),
    )
    .map((parts) => parts.flat())
}

/** Only an actor of ours may state what is derived. */
function stated(derived: Readonly<Record<string, unknown>>) {
  return { actor: 'ttpstream:rules', derived }
}

export function sampleCoverage(seed: number, histories: number): CatalogRow[] {
  const changes = Array.from({ length: histories }, (_, key) =>
    fc.sample(historyOf(key), { seed: seed + key, numRuns: 1 }),
  ).flat(2)
  return takenInBlocks(changes, { seed, firstOffset: 0, repeatEvery: 8, blockRows: 500 })
}
