import fc from 'fast-check'
import { uuid5 } from '../../core/hash.ts'
import type { Row } from '../../schemas/table.ts'
import { type CatalogRow, type Change, catalogRows } from './catalog-rows.ts'

/** Random tags around midnights: few entities, techniques and instants, so that edges are met. */

export type TagRow = Row<'tags'>

export const tagsDay0 = Date.UTC(2026, 9, 1)
const dayMs = 86_400_000
const namespace = '6ba7b810-9dad-11d1-80b4-00c04fd430c8'

const blank: TagRow = {
  log: 'l1',
  topic: 'ttp.commands',
  partition: 0,
  offset: 0,
  ingest_time: tagsDay0,
  tag_id: '',
  source_kind: 'process',
  source_id: '',
  event_time: tagsDay0,
  tagged_time: tagsDay0,
  identity_id: '',
  attacker_id: '',
  session_id: '',
  host: '',
  user: '',
  decoy: '',
  tactic: '',
  tactics: [],
  technique_id: '',
  sub_technique_id: '',
  confidence: 0,
  severity: 'low',
  rule_id: '',
  rule_version: '1~00000000',
  rule_hash: '',
  evidence: '{}',
  attack_release: '18.1',
  in_release: true,
}

export function tagRow(given: Partial<TagRow> & { offset: number }): TagRow {
  return {
    ...blank,
    source_id: `e${given.offset}`,
    tag_id: uuid5(namespace, `tag ${given.offset}`),
    ...given,
  }
}

const technique = fc.constantFrom(
  { technique_id: 'T1003', sub_technique_id: '', tactics: ['TA0006'] },
  { technique_id: 'T1003', sub_technique_id: 'T1003.006', tactics: ['TA0006'] },
  { technique_id: 'T1078', sub_technique_id: '', tactics: ['TA0001', 'TA0003', 'TA0004'] },
  { technique_id: 'T1078', sub_technique_id: '', tactics: ['TA0003', 'TA0004'] },
)

const tag = fc
  .record({
    technique,
    // The first is the last of its month.
    day: fc.integer({ min: -1, max: 3 }),
    ms: fc.oneof(
      fc.constantFrom(0, 1, dayMs - 1, dayMs / 2),
      fc.integer({ min: 0, max: dayMs - 1 }),
    ),
    identity_id: fc.constantFrom('', 'i1', 'i2', 'i3', 'i4', 'i5'),
    attacker_id: fc.constantFrom('', 'a1', 'a2', 'a3'),
    session_id: fc.constantFrom('', 's1', 's2', 's3'),
    host: fc.constantFrom('', 'h1', 'h2'),
    confidence: fc.constantFrom(0.3, 0.5, 0.85, 1),
    // Nothing counts by these: as odd as a producer sends them.
    user: fc.oneof(fc.constant(''), fc.string({ unit: 'binary', maxLength: 8 })),
    evidence: fc
      .dictionary(fc.string(), fc.string({ unit: 'binary' }), { maxKeys: 2 })
      .map((value) => JSON.stringify(value)),
    rule: fc.constantFrom(['r1', '1~aa'], ['r1', '2~bb'], ['r2', '1~cc']),
  })
  .map(({ technique, day, ms, rule: [rule_id = '', rule_version = ''], ...rest }) => ({
    ...rest,
    ...technique,
    tactic: technique.tactics[0] ?? '',
    event_time: tagsDay0 + day * dayMs + ms,
    rule_id,
    rule_version,
  }))

export function sampleTags(seed: number, count: number): TagRow[] {
  return fc
    .sample(tag, { seed, numRuns: count })
    .map((given, offset) => tagRow({ ...given, offset }))
}

const identities = ['i1', 'i2', 'i3', 'i4', 'i5']
const quarter = fc
  .integer({ min: -2, max: 18 })
  .map((quarters) => tagsDay0 + (quarters * dayMs) / 4)
const orOpen = fc.oneof(
  quarter.map((ms) => new Date(ms).toISOString()),
  fc.constant(undefined),
)
const mergeId = fc.constantFrom('m1', 'm2', 'm3', 'm4', 'm5')
const membershipId = fc.constantFrom('b1', 'b2', 'b3', 'b4')

const actorChange: fc.Arbitrary<Change> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc
      .tuple(mergeId, quarter, fc.shuffledSubarray(identities, { minLength: 2, maxLength: 2 }))
      .map(([id, event_time, [loser_id, winner_id]]) => ({
        kind: 'merge',
        id,
        event_time,
        entity: { entity_kind: id === 'm5' ? 'campaign' : 'identity', loser_id, winner_id },
      })),
  },
  fc.record({
    kind: fc.constant('merge'),
    id: mergeId,
    op: fc.constant('delete' as const),
    event_time: quarter,
  }),
  {
    weight: 4,
    arbitrary: fc
      .tuple(
        membershipId,
        quarter,
        fc.constantFrom(...identities),
        fc.constantFrom('a1', 'a2', 'a3'),
        orOpen,
        orOpen,
      )
      .map(([id, event_time, identity_id, attacker_id, from, to]) => ({
        kind: 'membership',
        id,
        event_time,
        entity: {
          identity_id,
          attacker_id,
          from,
          ...(to !== undefined && to > (from ?? '') ? { to } : {}),
        },
      })),
  },
  fc.record({
    kind: fc.constant('membership'),
    id: membershipId,
    op: fc.constant('delete' as const),
    event_time: quarter,
  }),
)

/**
 * Who is who while these tags are made: merged, merged further and un-merged, attackers that come and go,
 * told late and back-dated. What the catalogue refuses is not there.
 */
export function sampleActors(seed: number, count: number): readonly CatalogRow[] {
  const changes = fc.sample(actorChange, { seed, numRuns: count })
  return catalogRows(changes, {
    mayRefuse: (code) => code === 'merge-circle' || code === 'already-merged',
  })
}
