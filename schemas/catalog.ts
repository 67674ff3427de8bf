import { z } from 'zod'
import { campaign, erasure, identity, membership, merge, verdict } from './catalog/actor.ts'
import { alertRule, alertTransition, webhook } from './catalog/alerting.ts'
import {
  detectionAsset,
  infrastructureChange,
  invalidation,
  mapping,
  validation,
} from './catalog/detection.ts'
import type { Entity, EntityContract, EntityFacts } from './catalog/entity.ts'
import {
  coverageSnapshot,
  decayPolicy,
  decayRequest,
  decayRun,
  queueItem,
  techniqueOwner,
  techniqueReview,
  validityChange,
} from './catalog/lifecycle.ts'
import { rule, ruleState } from './catalog/rules.ts'
import { type Checked, check, type Problem } from './check.ts'
import { freeForm, id, name, note, time } from './scalar.ts'

/**
 * A record of `ttp.catalog`: one change of one entity that people maintain, as the whole entity.
 *
 * Contract:
 * - `entity` is kept as it was sent. `derived` holds defaults, values in their normal form (times as
 *   RFC 3339 in UTC) and what we worked out; where both have a member, `derived` counts.
 * - A client's value for a derived field is refused. Unknown members are kept.
 * - What depends on other records (cycles of merges, legal transitions) is decided where they are
 *   read, in log order.
 */

export const entityContracts = {
  detection_asset: detectionAsset,
  mapping,
  validation,
  invalidation,
  infrastructure_change: infrastructureChange,
  decay_policy: decayPolicy,
  technique_owner: techniqueOwner,
  technique_review: techniqueReview,
  queue_item: queueItem,
  coverage_snapshot: coverageSnapshot,
  validity_change: validityChange,
  decay_request: decayRequest,
  decay_run: decayRun,
  identity,
  campaign,
  membership,
  merge,
  rule,
  rule_state: ruleState,
  alert_rule: alertRule,
  alert_transition: alertTransition,
  webhook,
  verdict,
  erasure,
} as const satisfies Readonly<Record<string, EntityContract>>

export type CatalogKind = keyof typeof entityContracts

export function isCatalogKind(kind: string): kind is CatalogKind {
  return Object.hasOwn(entityContracts, kind)
}

export const catalogRecord = z
  .looseObject({
    kind: z.string().meta({ description: Object.keys(entityContracts).join(', ') }),
    id,
    op: z.enum(['put', 'delete']).default('put'),
    event_time: time.nullish().meta({ description: "Default: the record's Kafka timestamp" }),
    actor: name.nullish(),
    reason: note.nullish(),
    entity: freeForm.nullish().meta({ description: 'The whole entity; needed for `put`' }),
    derived: freeForm.nullish().meta({ description: 'Only from ttpstream itself' }),
  })
  .meta({ title: 'ttp.catalog', description: 'One change of one maintained entity' })

export interface CatalogChange {
  readonly kind: CatalogKind
  readonly id: string
  readonly op: 'put' | 'delete'
  readonly actor: string
  readonly reason: string
  /** As it was sent; {} for a deletion that names none. */
  readonly entity: Entity
  readonly derived: Entity
}

/** What a change is judged against besides itself. */
export type CatalogFacts = Pick<EntityFacts, 'validityDays' | 'sign'> & {
  readonly eventTimeMs: number
}

/** Actors of our own, who may state what the log alone cannot give, such as a `logic_hash`. */
const ownActor = 'ttpstream:'

/** The time the record states, if it states a good one; needed before `parseCatalog`. */
export function catalogTime(input: unknown): number | undefined {
  if (typeof input !== 'object' || input === null || !('event_time' in input)) return undefined
  const checked = check(time, input.event_time)
  return checked.ok ? checked.value : undefined
}

export function parseCatalog(input: unknown, facts: CatalogFacts): Checked<CatalogChange> {
  const record = check(catalogRecord, input)
  if (!record.ok) return record
  const { kind, op } = record.value
  if (!isCatalogKind(kind)) {
    const known = Object.keys(entityContracts).join(', ')
    return refused([{ path: 'kind', message: `is not a kind of entity; known are ${known}` }])
  }
  const actor = record.value.actor ?? ''
  const stated = record.value.derived ?? undefined
  if (stated !== undefined && !actor.startsWith(ownActor)) {
    return refused([{ path: 'derived', message: 'is ours to work out; leave it out' }])
  }
  const entity = record.value.entity ?? {}
  const change = { kind, id: record.value.id, op, actor, reason: record.value.reason ?? '', entity }
  if (op === 'delete') {
    const { undeletable }: EntityContract = entityContracts[kind]
    if (undeletable !== undefined) return refused([{ path: 'op', message: undeletable }])
    return { ok: true, value: { ...change, derived: {} } }
  }
  if (record.value.entity === undefined || record.value.entity === null) {
    return refused([{ path: 'entity', message: 'is missing; a put carries the whole entity' }])
  }
  const checked = checkEntity(kind, entity, {
    ...facts,
    kind,
    id: change.id,
    actor,
    ...(stated === undefined ? {} : { stated }),
  })
  if (!checked.ok) return checked
  return { ok: true, value: { ...change, derived: { ...checked.value, ...stated } } }
}

/** Checks one entity and gives its derived members. Paths start at `entity`. */
export function checkEntity(
  kind: CatalogKind,
  entity: Entity,
  facts: EntityFacts,
): Checked<Entity> {
  const contract: EntityContract = entityContracts[kind]
  const problems: Problem[] = contract.derivedFields
    .filter((field) => Object.hasOwn(entity, field) && entity[field] !== null)
    .map((field) => ({ path: field, message: 'is ours to work out; leave it out' }))
  const checked = check(contract.schema, entity)
  if (!checked.ok) problems.push(...checked.problems)
  else problems.push(...(contract.verify?.(checked.value, facts) ?? []))
  if (!checked.ok || problems.length > 0) {
    return refused(problems.map(({ path, message }) => ({ path: under(path), message })))
  }
  const derived = contract.derive?.(checked.value, facts) ?? {}
  return { ok: true, value: { ...changedMembers(entity, checked.value), ...derived } }
}

/** Members that the check filled in or brought into their normal form. */
function changedMembers(sent: Entity, checked: Entity): Record<string, unknown> {
  const changed = Object.entries(checked).filter(([field, value]) => {
    return value !== undefined && JSON.stringify(value) !== JSON.stringify(sent[field])
  })
  return Object.fromEntries(changed)
}

function under(path: string): string {
  return path === '' || path.startsWith('[') ? `entity${path}` : `entity.${path}`
}

function refused(problems: readonly Problem[]): { ok: false; problems: readonly Problem[] } {
  return { ok: false, problems }
}
