import { z } from '@hono/zod-openapi'
import { signedText } from '../../schemas/catalog/detection.ts'
import type { Services } from '../resource.ts'

export const integrities = z.enum(['intact', 'tampered', 'unsigned', 'unchecked'])
type Integrity = z.output<typeof integrities>

/**
 * Whether a validation still says what was signed when it was taken in (L3). Two things can be
 * altered behind our back: the record that is kept, which then does not fit its signature, and the
 * columns that are worked out of it, which then do not say what the record says.
 */
export interface KeptValidation {
  readonly validation_id: string
  readonly asset_id: string
  readonly technique_id: string
  readonly validated_at: string
  readonly validated_by: string
  readonly expires_at: string
  readonly validation_result: string
  readonly integrity_hash: string
  /** JSON: as it was sent, and what counts before it. */
  readonly entity: string
  readonly derived: string
}

export function integrityOf(row: KeptValidation, { sign, log }: Services): Integrity {
  const whole: Record<string, unknown> = { ...JSON.parse(row.entity), ...JSON.parse(row.derived) }
  const stored = whole['integrity_hash']
  const isSigned = typeof stored === 'string' && stored !== ''
  if (!isSigned && row.integrity_hash === '') return 'unsigned'
  if (sign === undefined) return 'unchecked'
  const isIntact =
    isSigned &&
    stored === row.integrity_hash &&
    stored === sign(signedText(row.validation_id, whole)) &&
    saysTheSame(row, whole)
  if (isIntact) return 'intact'
  log.error({ validation: row.validation_id }, 'a validation does not fit its integrity hash')
  return 'tampered'
}

function saysTheSame(row: KeptValidation, whole: Readonly<Record<string, unknown>>): boolean {
  const text = (name: string) => String(whole[name] ?? '')
  // An end that no record states is the policy's, and may move with it.
  const hasOwnEnd = whole['is_expiry_default'] === true || text('expires_at') === row.expires_at
  return (
    hasOwnEnd &&
    text('asset_id') === row.asset_id &&
    text('technique_id') === row.technique_id &&
    text('validated_at') === row.validated_at &&
    text('validated_by') === row.validated_by &&
    text('validation_result') === row.validation_result
  )
}
