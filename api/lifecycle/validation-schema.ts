import { z } from '@hono/zod-openapi'
import type { Services } from '../resource.ts'
import { timestamp } from '../resource.ts'
import { integrities, integrityOf, type KeptValidation } from './integrity.ts'

/** A validation as it is answered: what was seen, and whether that still stands (L3, L4). */

const text = z.string().nullable()

export const validation = z
  .object({
    id: z.string(),
    asset_id: z.string(),
    technique_id: text.openapi({ description: 'null: every technique of the asset.' }),
    test_id: text,
    validated_at: timestamp,
    validated_by: z.string(),
    expires_at: timestamp,
    validation_result: z.enum(['detected', 'partially_detected', 'not_detected']),
    validation_method: text,
    rule_hash: text,
    logic_hash: text,
    rule_version: text,
    log_source_version: text,
    infrastructure_hash: text,
    environment_snapshot: z.record(z.string(), z.unknown()),
    evidence_ids: z.array(z.string()),
    notes: text,
    is_valid: z.boolean(),
    causes: z.array(z.string()).openapi({ description: 'Why it is not valid: all that hold.' }),
    invalidated_at: timestamp.nullable(),
    invalidated_by: text,
    invalidation_reason: text,
    integrity_hash: text,
    integrity: integrities.openapi({
      description: 'tampered: it does not say any more what was signed. unchecked: no key here.',
    }),
    recorded_by: text,
    recorded_at: timestamp,
  })
  .openapi('Validation')
export type Validation = z.output<typeof validation>

export const validationExample: z.input<typeof validation> = {
  id: '7f0d2f5a-6c3e-4a55-9d5a-5a4a7b1f9b11',
  asset_id: 'sigma:611eab06',
  technique_id: 'T1003.006',
  test_id: 'vectr:7c1e',
  validated_at: '2026-11-20T11:02:00.000Z',
  validated_by: 'u-12',
  expires_at: '2027-05-19T11:02:00.000Z',
  validation_result: 'detected',
  validation_method: 'purple_team',
  rule_hash: null,
  logic_hash: null,
  rule_version: '4f9c2d1',
  log_source_version: '2019',
  infrastructure_hash: '60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752',
  environment_snapshot: {},
  evidence_ids: ['elastic:9f2a'],
  notes: null,
  is_valid: true,
  causes: [],
  invalidated_at: null,
  invalidated_by: null,
  invalidation_reason: null,
  integrity_hash: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
  integrity: 'intact',
  recorded_by: 'u-12',
  recorded_at: '2026-11-20T11:02:00.000Z',
}

/** A row of `asset_validations`; '' is absent. */
type ValidationRow = KeptValidation &
  Omit<z.input<typeof validation>, 'id' | 'environment_snapshot' | 'integrity'>

export interface ValidationFilter {
  readonly asset_id: string
  readonly validation_id: string
}

/** Newest first; '' is any. */
export async function readValidations(
  services: Services,
  at_s: number,
  { asset_id, validation_id }: ValidationFilter,
): Promise<Validation[]> {
  const filter = { asset_id, validation_id }
  const rows = await services.views.select<ValidationRow>('asset_validations', { at_s, ...filter })
  return rows.map((row) => toValidation(row, services)).toSorted(newestFirst)
}

function toValidation(row: ValidationRow, services: Services): Validation {
  const sent: Record<string, unknown> = JSON.parse(row.entity)
  const entries = Object.entries(row).map(([name, value]) => [name, value === '' ? null : value])
  return validation.parse({
    ...Object.fromEntries(entries),
    id: row.validation_id,
    environment_snapshot: sent['environment_snapshot'] ?? {},
    integrity: integrityOf(row, services),
  })
}

function newestFirst(a: Validation, b: Validation): number {
  if (a.validated_at !== b.validated_at) return a.validated_at < b.validated_at ? 1 : -1
  return a.id < b.id ? -1 : 1
}
