import { z } from 'zod'
import { canonicalJson, sha256Hex } from '../../core/hash.ts'
import { dayMs } from '../../core/units.ts'
import { freeForm, id, ids, label, name, names, note, techniqueId } from '../scalar.ts'
import {
  type Entity,
  type EntityContract,
  type EntityFacts,
  inOrder,
  instant,
  instantText,
  textOf,
} from './entity.ts'

/** Detection assets and what is known about their working (L1 to L4). */

/** The largest rule of SigmaHQ is 60 KB. */
const ruleContentCharsMax = 262_144

export const detectionAsset: EntityContract = {
  schema: z.looseObject({
    name: z.string().min(1).max(500),
    asset_type: z.string().min(1).max(50),
    description: note.nullish(),
    platform: label.nullish(),
    rule_content: z.string().max(ruleContentCharsMax).nullish(),
    rule_language: label.nullish(),
    rule_repository_url: name.nullish(),
    rule_file_path: name.nullish(),
    rule_version: name.nullish(),
    log_source_name: name.nullish(),
    log_source_version: name.nullish(),
    log_source_config: freeForm.nullish(),
    infrastructure_details: freeForm.nullish(),
    expected_alert_frequency: label.nullish(),
    owner_id: id.nullish(),
    backup_owner_id: id.nullish(),
    team: name.nullish(),
    is_active: z.boolean().default(true),
    /** An asset made from a rule is a candidate until somebody adopts it. */
    adoption: z.enum(['candidate', 'adopted']).default('adopted'),
    tags: names.nullish(),
    asset_metadata: freeForm.nullish(),
    external_ids: z
      .array(z.looseObject({ system: name, id }))
      .max(100)
      .nullish(),
  }),
  derivedFields: [
    'rule_hash',
    'logic_hash',
    'infrastructure_hash',
    'last_rule_change_at',
    'health_status',
    'last_alert_at',
    'alert_count_30d',
    'false_positive_rate',
    'created_by',
    'created_at',
    'updated_at',
  ],
  derive(entity) {
    const content = entity['rule_content']
    return {
      ...(typeof content === 'string' ? { rule_hash: sha256Hex(content) } : {}),
      infrastructure_hash: sha256Hex(canonicalJson(entity['infrastructure_details'] ?? {})),
    }
  },
}

export const mapping: EntityContract = {
  schema: z.looseObject({
    asset_id: id,
    technique_id: techniqueId,
    coverage_type: label.default('detect'),
    confidence_level: z.enum(['low', 'medium', 'high']).default('medium'),
    notes: note.nullish(),
  }),
  derivedFields: ['created_at', 'removed_at'],
}

export const validation: EntityContract = {
  schema: z
    .looseObject({
      asset_id: id,
      /** null: every technique that the asset is mapped to. */
      technique_id: techniqueId.nullish(),
      test_id: id.nullish(),
      validated_at: instant.nullish(),
      validated_by: name.nullish(),
      expires_at: instant.nullish(),
      validation_result: z.enum(['detected', 'partially_detected', 'not_detected']),
      validation_method: label.nullish(),
      environment_snapshot: freeForm.nullish(),
      evidence_ids: ids.nullish(),
      notes: note.nullish(),
    })
    .check(inOrder('validated_at', 'expires_at')),
  derivedFields: [
    'is_valid',
    'integrity_hash',
    'rule_hash',
    'logic_hash',
    'log_source_version',
    'infrastructure_hash',
  ],
  undeletable: 'a validation is a fact: publish an `invalidation` that names it',
  derive: deriveValidation,
}

function deriveValidation(entity: Entity, facts: EntityFacts): Readonly<Record<string, unknown>> {
  const validatedAt = textOf(entity, 'validated_at') || instantText(facts.eventTimeMs)
  const given = textOf(entity, 'expires_at')
  const standard = Date.parse(validatedAt) + facts.validityDays * dayMs
  const derived = {
    validated_at: validatedAt,
    validated_by: textOf(entity, 'validated_by') || facts.actor,
    expires_at: given || instantText(standard),
    /** A default may give way to the policy that governs the asset; a stated end may not. */
    is_expiry_default: given === '',
  }
  if (facts.sign === undefined) return derived
  const whole = { ...entity, ...derived, ...facts.stated }
  return { ...derived, integrity_hash: facts.sign(signedText(facts.id, whole)) }
}

/**
 * What the integrity hash of a validation is made over: all that is stored of it but the hash itself.
 * `whole` is the entity as it was sent under what was derived.
 */
export function signedText(id: string, whole: Entity): string {
  const { integrity_hash: _, ...content } = whole
  return canonicalJson({ kind: 'validation', id, entity: content })
}

export const invalidation: EntityContract = {
  schema: z.looseObject({
    validation_id: id,
    reason: note.nullish(),
    details: freeForm.nullish(),
  }),
  derivedFields: ['invalidated_at', 'invalidated_by'],
  undeletable: 'a declared invalidation lasts for ever: validate again',
  derive: (_entity, facts) => ({
    invalidated_at: instantText(facts.eventTimeMs),
    invalidated_by: facts.actor,
  }),
}

export const infrastructureChange: EntityContract = {
  schema: z.looseObject({
    change_type: label,
    description: note.nullish(),
    affected_platforms: z.array(label).max(1_000).default([]),
    affected_log_sources: names.default([]),
    change_date: instant,
    reported_by: name.nullish(),
    auto_invalidate: z.boolean().default(true),
    change_metadata: freeForm.nullish(),
  }),
  derivedFields: ['invalidated_count', 'created_at'],
  derive: (entity, facts) => ({ reported_by: textOf(entity, 'reported_by') || facts.actor }),
}
