import { z } from 'zod'
import { attackerText } from '../anchor.ts'
import { freeForm, id, label, name, names, note } from '../scalar.ts'
import {
  type Entity,
  type EntityContract,
  exactlyOne,
  inOrder,
  instant,
  isGiven,
} from './entity.ts'

/** Who is behind the tags: identities, campaigns, who belongs to what, and erasures (I1 to I3, G7). */

const fingerprints = {
  ja3_hashes: names.nullish(),
  hassh_hashes: names.nullish(),
  tls_cert_sha256: names.nullish(),
  payload_simhashes: names.nullish(),
  c2_endpoints: names.nullish(),
}

const seen = {
  first_seen_at: instant.nullish(),
  last_seen_at: instant.nullish(),
  confidence: z.number().min(0).max(1).nullish(),
  notes: note.nullish(),
}

export const identity: EntityContract = {
  schema: z.looseObject({
    name: name.nullish(),
    ...seen,
    ...fingerprints,
    metadata: freeForm.nullish(),
  }),
  derivedFields: ['merged_into', 'created_at', 'updated_at'],
}

export const campaign: EntityContract = {
  schema: z.looseObject({
    name: name.nullish(),
    schema_version: z.literal(1).default(1),
    ...seen,
    ...fingerprints,
  }),
  derivedFields: ['identity_count', 'merged_into_uuid', 'created_at', 'updated_at'],
}

/** attacker → identity, or identity → campaign, from (inclusive) to (exclusive); open ends are open. */
export const membership: EntityContract = {
  schema: z
    .looseObject({
      attacker_id: id.nullish(),
      identity_id: id,
      campaign_id: id.nullish(),
      from: instant.nullish(),
      to: instant.nullish(),
    })
    .check(exactlyOne(['attacker_id', 'campaign_id']))
    .check(inOrder('from', 'to')),
  derivedFields: [],
  // As tags name an attacker, or they would not meet.
  derive: ({ attacker_id }) =>
    isGiven(attacker_id) ? { attacker_id: attackerText(attacker_id) } : {},
}

/** Deleting it un-merges. Whether it closes a circle is decided in log order, where it is read. */
export const merge: EntityContract = {
  schema: z
    .looseObject({
      entity_kind: z.enum(['identity', 'campaign']),
      loser_id: id,
      winner_id: id,
    })
    .refine((value) => value.loser_id !== value.winner_id, {
      error: 'must not be the loser itself',
      path: ['winner_id'],
    }),
  derivedFields: ['merged_at', 'merged_by'],
}

/** An analyst's word on one alert or one tag. */
export const verdict: EntityContract = {
  schema: z
    .looseObject({
      alert_id: id.nullish(),
      tag_id: id.nullish(),
      verdict: label,
      notes: note.nullish(),
    })
    .check(exactlyOne(['alert_id', 'tag_id'])),
  derivedFields: [],
}

export const erasure: EntityContract = {
  schema: z
    .looseObject({
      identity_id: id.nullish(),
      attacker_id: id.nullish(),
      user: name.nullish(),
      mode: z.enum(['remove', 'hash']).default('remove'),
    })
    .check(exactlyOne(['identity_id', 'attacker_id', 'user'])),
  derivedFields: ['erased_rows'],
  undeletable: 'an erasure cannot be taken back: what it removed is gone',
  derive: (entity) => ({ subject: subjectOf(entity) }),
}

function subjectOf(entity: Entity): string {
  return ['identity_id', 'attacker_id', 'user'].find((field) => isGiven(entity[field])) ?? ''
}
