import { z } from 'zod'
import { type Checked, check } from './check.ts'
import { counter, id, label, listMax, name, names, seconds, techniqueId, time } from './scalar.ts'
import { notGivenAndCleared, nullish } from './update.ts'

/**
 * A record of `ttp.tests`: a partial update of one purple-team test.
 *
 * Contract:
 * - Any subset of fields; per field the latest non-null by (event_time, offset) wins, so null is the
 *   same as absent. `clear` names fields that become null.
 * - Unknown keys are no problem: they stay in the row's `raw`.
 */

/** What a test may tell in each update. */
const fields = {
  round: counter.min(1).meta({ description: 'Execution number; a redone test counts up from 1' }),
  exercise: name,
  name,
  procedure_id: id,
  technique_id: techniqueId,
  platform: name,
  red_team: name,
  blue_team: name,
  hosts: names.meta({ description: 'Where the technique runs' }),
  targets: names.meta({ description: 'What it is aimed at' }),
  users: names,
  state: label.meta({
    description:
      'draft, red_executing, blue_evaluating, in_review, validated or rejected; any other is stored and counted nowhere',
  }),
  executed: z.boolean(),
  outcome: label,
  detection_result: label.meta({ description: 'detected, partially_detected or not_detected' }),
  red_started_at: time,
  red_ended_at: time,
  red_paused_seconds: seconds,
  blue_started_at: time,
  blue_work_started_at: time,
  blue_paused_seconds: seconds,
  red_validation_status: label.meta({ description: 'approved or rejected' }),
  red_validated_at: time,
  blue_validation_status: label.meta({ description: 'approved or rejected' }),
  blue_validated_at: time,
}

/** One result of one detection for this test. */
const detection = z.looseObject({
  result_id: id,
  asset_id: id.nullish(),
  triggered: z.boolean().nullish(),
  alert_id: id.nullish(),
})

export const clearableTestFields = Object.keys(fields).filter((field) => field !== 'round')

export const testRecord = z
  .looseObject({
    test_id: id,
    event_time: time.nullish().meta({ description: "Default: the record's Kafka timestamp" }),
    ...nullish(fields),
    detections: z.array(detection).max(listMax).nullish(),
    clear: z.array(z.enum(clearableTestFields)).max(100).nullish(),
  })
  .check(notGivenAndCleared)
  .meta({ title: 'ttp.tests', description: 'A partial update of one purple-team test' })

export type TestRecord = z.output<typeof testRecord>

export function parseTest(input: unknown): Checked<TestRecord> {
  return check(testRecord, input)
}
