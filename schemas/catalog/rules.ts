import { z } from 'zod'
import { sha256Hex } from '../../core/hash.ts'
import type { Problem } from '../check.ts'
import { name, note } from '../scalar.ts'
import { type EntityContract, instant, instantText, textOf } from './entity.ts'

/** Rule files that travel on the log, and the state of rules (R11, S1). */

const ruleContentCharsMax = 786_432

/** One rule file; the record's id is the rule's. */
export const rule: EntityContract = {
  schema: z.looseObject({
    content: z.string().min(1).max(ruleContentCharsMax),
    /** Where it came from; decides native or Sigma where the content does not, and is shown. */
    path: name,
    revision: name.nullish(),
  }),
  derivedFields: ['rule_hash', 'logic_hash'],
  derive: (entity) => ({ rule_hash: sha256Hex(textOf(entity, 'content')) }),
}

/** The record's id is the rule id; any rule may have a state, known or not. */
export const ruleState: EntityContract = {
  schema: z
    .looseObject({
      state: z.enum(['enabled', 'disabled', 'clipped', 'shadow', 'quarantined']),
      confidence_max: z.number().min(0).max(1).nullish(),
      expires_at: instant.nullish(),
      reason: note.nullish(),
    })
    .refine((value) => value.state !== 'clipped' || typeof value.confidence_max === 'number', {
      error: 'is missing; a clipped rule needs its ceiling, 0 to 1',
      path: ['confidence_max'],
    }),
  derivedFields: ['set_by', 'set_at'],
  verify(entity, facts): readonly Problem[] {
    if (textOf(entity, 'state') === 'quarantined' && !facts.actor.startsWith('ttpstream:')) {
      return [{ path: 'state', message: 'quarantined is for ttpstream to say; use shadow' }]
    }
    const expiresAt = textOf(entity, 'expires_at')
    const isPast = expiresAt !== '' && Date.parse(expiresAt) <= facts.eventTimeMs
    return isPast ? [{ path: 'expires_at', message: 'has passed already' }] : []
  },
  derive: (_entity, facts) => ({
    set_by: facts.actor,
    set_at: instantText(facts.eventTimeMs),
  }),
}
