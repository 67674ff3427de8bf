import { z } from 'zod'
import { type Checked, check } from './check.ts'
import { id, ids, label, name, names, noteCharsMax, techniqueIds, time } from './scalar.ts'
import { notGivenAndCleared, nullish } from './update.ts'

/**
 * A record of `ttp.alerts`: an alert that a SIEM or EDR raised, or a later change of its status or
 * verdict under the same `alert_id`.
 *
 * Contract: as for tests, null is absent, the latest non-null wins, and unknown keys stay in `raw`.
 */

/** The rule that raised it, in the system's own terms; (system, id) leads to the detection asset. */
const rule = z.looseObject(nullish({ system: name, id, name, version: name }))

const fields = {
  raised_at: time.meta({ description: 'When the system raised it; also the default event_time' }),
  asset_id: id,
  severity: label.meta({ description: 'critical, high, medium, low or informational' }),
  technique_ids: techniqueIds,
  hosts: names,
  users: names,
  src_ips: names,
  source_event_ids: ids,
  status: label,
  acknowledged_at: time,
  verdict: label.meta({ description: 'true_positive, false_positive, benign or undetermined' }),
  verdict_at: time,
  url: z.string().max(noteCharsMax),
}

export const clearableAlertFields = Object.keys(fields)

export const alertRecord = z
  .looseObject({
    alert_id: id,
    event_time: time.nullish().meta({
      description: "When the alerted activity happened; default raised_at, else Kafka's timestamp",
    }),
    rule: rule.nullish(),
    ...nullish(fields),
    clear: z.array(z.enum(clearableAlertFields)).max(100).nullish(),
  })
  .check(notGivenAndCleared)
  .meta({ title: 'ttp.alerts', description: 'An alert of a SIEM or EDR, or a change of one' })

export type AlertRecord = z.output<typeof alertRecord>

export function parseAlert(input: unknown): Checked<AlertRecord> {
  return check(alertRecord, input)
}
