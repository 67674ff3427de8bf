import { z } from 'zod'
import { condition, expression } from './source-expression.ts'

/**
 * A source definition: how a raw record is recognised and becomes a command event. One YAML file
 * each under `sources/`; users add their own.
 *
 * `recognise`, `fields` read the record. Everything else reads the flat fields that `fields` and
 * `aliases` made, which are the record itself where `fields` is absent.
 */

const path = z.string().min(1).max(200)
const setters = z.record(z.string().min(1).max(200), expression)

const recognition = z.strictObject({
  has: z.array(path).min(1).max(20),
  lacks: z.array(path).max(20).default([]),
  /** Text fields and the value they must have; a trailing `*` matches any rest. */
  where: z.record(path, z.string().min(1).max(200)).default({}),
})

const fieldSources = z.strictObject({
  /** The first object found is the fields; members of the others are added. */
  from: z.array(path).max(20).default([]),
  /** Lists of `{name, value}` objects, each an own field. */
  pairs: z
    .array(z.strictObject({ list: path, name: expression, value: expression }))
    .max(10)
    .default([]),
  /** Lists whose elements become `<prefix>0`, `<prefix>1`, … */
  numbered: z
    .array(z.strictObject({ list: path, prefix: path }))
    .max(10)
    .default([]),
  /** Fields that are set whatever was there, and those that are set where nothing was. */
  replace: setters.default({}),
  set: setters.default({}),
})

const alias = z.strictObject({
  when: condition.optional(),
  unless: condition.optional(),
  set: setters,
})

/** `utc`, `+02:00`, `-0400`: what a time without a zone means. Absent: such a time is not used. */
const zone = z.string().regex(/^(?:utc|[+-](?:0\d|1\d|2[0-3]):?[0-5]\d)$/, {
  error: 'must be utc or an offset as +hh:mm',
})

const timeCandidate = z.strictObject({
  field: path,
  zone: zone.optional(),
  /** `epoch_seconds` takes the number at the start of a text; a number is epoch ms without it. */
  format: z.enum(['rfc3339', 'epoch_seconds', 'epoch_ms']).default('rfc3339'),
})

const eventId = z
  .strictObject({
    /** The producer's own id. */
    given: expression.optional(),
    /** Else `<prefix>:<short host>:<parts…>:<time>`, if all parts are there. */
    prefix: z.string().min(1).max(20).optional(),
    parts: z.array(expression).min(1).max(10).optional(),
  })
  .refine((id) => (id.prefix === undefined) === (id.parts === undefined), {
    error: 'prefix and parts come together',
  })

const logsource = z.strictObject({
  product: z.union([z.string(), expression]).optional(),
  service: z.union([z.string(), expression]).optional(),
  /** By service; `*` is any. */
  category: z.record(z.string(), expression).optional(),
})

export const definition = z.strictObject({
  name: z.string().regex(/^[a-z][a-z0-9-]{0,63}$/, {
    error: 'must be lower-case letters, digits and -',
  }),
  description: z.string().min(1).max(500),
  /** Only for others to extend. */
  is_abstract: z.boolean().default(false),
  /** Another definition; members given here take the place of its members. */
  extends: z.string().optional(),
  /** Sources are tried in this order, users' first. */
  priority: z.number().int().min(0).max(1_000).default(100),
  /** Any of these. */
  recognise: z.array(recognition).min(1).max(10).optional(),
  /** Values that mean "nothing", for everything but `fields` and `aliases`. */
  absent: z.array(z.string()).max(50).optional(),
  fields: fieldSources.optional(),
  aliases: z.array(alias).max(50).optional(),
  time: z.array(timeCandidate).min(1).max(20).optional(),
  id: eventId.optional(),
  host: expression.optional(),
  user: expression.optional(),
  session: expression.optional(),
  /** A source address, or an id. */
  attacker: expression.optional(),
  identity: expression.optional(),
  decoy: expression.optional(),
  logsource: logsource.optional(),
  /** Default: `process` for process_creation, else category, service, product. */
  kind: expression.optional(),
  /** By kind; `*` is any. */
  command_text: z.record(z.string(), expression).optional(),
})

export type Definition = z.output<typeof definition>
export type TimeCandidate = z.output<typeof timeCandidate>
export type Recognition = z.output<typeof recognition>
export type FieldSources = z.output<typeof fieldSources>
