import { z } from 'zod'
import { type Checked, check } from './check.ts'
import { id, label, name, time } from './scalar.ts'

/**
 * The native envelope of `ttp.commands`: something an actor did, from a producer that speaks our
 * language. Raw records of known sources need none (`source.ts`).
 *
 * Contract: `kind` decides which native rules read it. Rules see the members of `fields` and those
 * of the record itself, also the ones not listed here. Anchors are optional; a source address counts
 * as the attacker.
 */

const logsource = z.object({
  product: label.nullish(),
  service: label.nullish(),
  category: label.nullish(),
})

export const commandRecord = z
  .object({
    kind: z
      .string()
      .regex(/^[a-z][a-z0-9_-]{0,63}$/, {
        error: 'must be a source kind: lower-case letters, digits and _',
      })
      .meta({ description: 'command, process, http_request, email, … or a Sigma log source' }),
    event_id: id.nullish().meta({ description: 'Default: log:topic:partition:offset' }),
    event_time: time.nullish().meta({ description: "Default: the record's Kafka timestamp" }),
    logsource: logsource.nullish(),
    host: name.nullish(),
    user: name.nullish(),
    session_id: id.nullish(),
    attacker_id: id.nullish(),
    identity_id: id.nullish(),
    decoy: name.nullish(),
    src_ip: name.nullish(),
    command_text: z.string().nullish(),
    fields: z
      .custom<Record<string, unknown>>(isObject, { error: 'must be an object' })
      .meta({ description: 'What rules match on, by field name', type: 'object' })
      .nullish(),
  })
  .meta({ title: 'ttp.commands', description: 'The native envelope of something an actor did' })

export type CommandRecord = z.output<typeof commandRecord>

export function parseCommand(input: unknown): Checked<CommandRecord> {
  return check(commandRecord, input)
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
