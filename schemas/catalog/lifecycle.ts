import { z } from 'zod'
import { loadAttack } from '../attack.ts'
import { type Problem, shown } from '../check.ts'
import { id, label, name, note, techniqueId, techniqueIds } from '../scalar.ts'
import {
  type Entity,
  type EntityContract,
  type EntityFacts,
  instant,
  instantText,
  textOf,
} from './entity.ts'

/** Decay policies, ownership, reviews, the revalidation queue and the daily run (L5, L9, L10). */

const days = z.number().min(1).max(3_650)
const weight = z.number().min(0).max(1_000)

const weights = z
  .looseObject({
    recency: weight.default(0.3),
    coverage: weight.default(0.3),
    health: weight.default(0.25),
    diversity: weight.default(0.15),
  })
  .refine((value) => weightSum(value) > 0, { error: 'must not all be 0' })

export const decayPolicy: EntityContract = {
  schema: z
    .looseObject({
      name: z.string().min(1).max(500),
      description: note.nullish(),
      /** Absent: applies to any. */
      applies_to_platform: label.nullish(),
      applies_to_asset_type: label.nullish(),
      applies_to_tactic: z.string().transform(tacticId).nullish(),
      fresh_days: days.default(90),
      aging_days: days.default(180),
      stale_days: days.default(365),
      default_validity_days: days.default(180),
      silent_days: days.default(30),
      noisy_alerts_per_day: z.number().int().min(1).max(4_294_967_295).default(100),
      weights: weights.default({ recency: 0.3, coverage: 0.3, health: 0.25, diversity: 0.15 }),
      is_default: z.boolean().default(false),
      is_active: z.boolean().default(true),
    })
    .check(agesInOrder),
  derivedFields: ['created_at', 'updated_at'],
  derive: (entity) => ({ weights: normalised(entity['weights']) }),
}

export const techniqueOwner: EntityContract = {
  schema: z.looseObject({
    technique_id: techniqueId,
    owner_id: id,
    since: instant.nullish(),
    notes: note.nullish(),
  }),
  derivedFields: ['until'],
  derive: (entity, facts) => ({
    since: textOf(entity, 'since') || instantText(facts.eventTimeMs),
  }),
}

export const techniqueReview: EntityContract = {
  schema: z.looseObject({
    technique_id: techniqueId,
    reviewed_at: instant.nullish(),
    reviewed_by: name.nullish(),
    status: label.nullish(),
    notes: note.nullish(),
  }),
  derivedFields: [],
  derive: (entity, facts) => ({
    reviewed_at: textOf(entity, 'reviewed_at') || instantText(facts.eventTimeMs),
    reviewed_by: textOf(entity, 'reviewed_by') || facts.actor,
  }),
}

export const queueItem: EntityContract = {
  schema: z.looseObject({
    technique_id: techniqueId,
    asset_id: id.nullish(),
    reason: note.nullish(),
    status: z.enum(['pending', 'in_progress', 'done', 'dismissed']).default('pending'),
    assignee: name.nullish(),
    due_at: instant.nullish(),
  }),
  derivedFields: ['opened_at', 'closed_at'],
}

/** What was reported on a day; the id is the day. It does not change, whatever is found out later. */
export const coverageSnapshot: EntityContract = {
  schema: z.looseObject({
    date: z.string().regex(/^\d{4}-\d\d-\d\d$/, { error: 'must be a day, YYYY-MM-DD' }),
    coverage_pct: z.number().min(0).max(100).nullable(),
    validated: z.number().int().min(0),
    partial: z.number().int().min(0),
    total: z.number().int().min(0),
    attack_release: name,
    computed_at: instant,
    /** Those that had a detection. */
    techniques: z
      .array(
        z.looseObject({
          technique_id: techniqueId,
          status: label,
          score: z.number().min(0).max(100),
          level: label,
        }),
      )
      .max(2_000)
      .nullish(),
  }),
  derivedFields: [],
  undeletable: 'what was reported stays reported',
  verify: onlyOurs,
}

/** Somebody wants the daily run now; the worker that has its duties runs it. */
export const decayRequest: EntityContract = {
  schema: z.looseObject({ reason: note.nullish() }),
  derivedFields: [],
  undeletable: 'it was asked for',
}

/** A run that was asked for is done; the id is the request's. */
export const decayRun: EntityContract = {
  schema: z.looseObject({
    began: z.number().int().min(0),
    ended: z.number().int().min(0),
    opened: techniqueIds,
    /** Absent: the day had its snapshot already. */
    snapshot_date: z.string().nullish(),
    records: z.number().int().min(0),
  }),
  derivedFields: [],
  undeletable: 'it was run',
  verify: onlyOurs,
}

/** A derived invalidation began or ended; the id is the validation's. Declared ones have their own kind. */
export const validityChange: EntityContract = {
  schema: z.looseObject({
    validation_id: id,
    asset_id: id,
    technique_id: techniqueId.nullish(),
    is_valid: z.boolean(),
    /** All that hold now. */
    causes: z.array(label).max(20),
    began: z.array(z.looseObject({ cause: label, at: instant })).max(20),
    ended: z.array(label).max(20),
  }),
  derivedFields: [],
  undeletable: 'what began has begun',
  verify: onlyOurs,
}

function onlyOurs(_entity: Entity, { actor }: EntityFacts): readonly Problem[] {
  if (actor.startsWith('ttpstream:')) return []
  return [{ path: '', message: 'is recorded by the daily run alone' }]
}

function weightSum(value: unknown): number {
  return Object.values(weightsOf(value)).reduce((sum, part) => sum + part, 0)
}

function weightsOf(value: unknown): Record<string, number> {
  const entries = typeof value === 'object' && value !== null ? Object.entries(value) : []
  const known = ['recency', 'coverage', 'health', 'diversity']
  return Object.fromEntries(
    entries.filter((entry): entry is [string, number] => {
      return known.includes(entry[0]) && typeof entry[1] === 'number'
    }),
  )
}

/** Weights as shares of 1. */
function normalised(value: unknown): Record<string, number> {
  const sum = weightSum(value)
  return Object.fromEntries(
    Object.entries(weightsOf(value)).map(([factor, part]) => [factor, part / sum]),
  )
}

function agesInOrder(context: { value: Entity; issues: z.core.$ZodRawIssue[] }): void {
  const ages = [
    context.value['fresh_days'],
    context.value['aging_days'],
    context.value['stale_days'],
  ]
  const [fresh, aging, stale] = ages.map(Number)
  if (fresh !== undefined && aging !== undefined && stale !== undefined) {
    if (fresh < aging && aging < stale) return
  }
  context.issues.push({
    code: 'custom',
    message: `fresh_days < aging_days < stale_days must hold, they are ${ages.join(', ')}`,
    input: ages,
  })
}

/** A tactic by id or shortname, as its id. */
function tacticId(text: string, context: z.RefinementCtx): string {
  const { release, tactic } = loadAttack()
  const found = tactic(text.trim()) ?? tactic(text.trim().toLowerCase())
  if (found !== undefined) return found.id
  const message = `${shown(text)} is not a tactic of ATT&CK ${release}; write TAnnnn or its shortname`
  context.addIssue({ code: 'custom', message, input: text })
  return z.NEVER
}
