import { z } from '@hono/zod-openapi'
import type { Clock } from '../core/clock.ts'
import { secondMs } from '../core/units.ts'
import type { Attack } from '../schemas/attack.ts'
import { Problem } from './problem.ts'

/**
 * The parameters that resources share. Each is text as it stands in a URL and comes out parsed; a
 * name that a route does not know is a mistake, not a wish to ignore.
 */

/** Views hold times from 1970 to 2100; what lies outside wraps or sorts wrongly there. */
export const earliestS = 0
export const latestS = 4_102_444_800

export const pageRowsMax = 1_000
const idLengthMax = 500

const rfc3339 = z.iso.datetime({ offset: true })
const timeMistake =
  'give RFC 3339 with a zone (2026-11-20T10:41:07Z) or epoch seconds, from 1970 up to 2100'

/** An instant: RFC 3339 or epoch seconds in, epoch seconds (to the millisecond) out. */
export const instant = z
  .string()
  .transform((text, context) => {
    const seconds = parseInstant(text)
    if (seconds !== undefined) return seconds
    context.addIssue({ code: 'custom', message: timeMistake })
    return z.NEVER
  })
  .openapi({ type: 'string', example: '2026-11-20T10:41:07Z' })

function parseInstant(text: string): number | undefined {
  let seconds: number
  if (/^\d{1,10}(\.\d{1,3})?$/.test(text)) seconds = Number(text)
  else if (rfc3339.safeParse(text).success) seconds = Date.parse(text) / secondMs
  else return undefined
  return seconds >= earliestS && seconds < latestS ? seconds : undefined
}

export const at = instant.optional().openapi({
  description: 'Answer as of this instant, by event time. Default: now.',
  example: '2026-11-20T00:00:00Z',
})

/** `from` ≤ event time < `to`. */
export const range = {
  from: instant.optional().openapi({
    description: 'Only what happened at or after this instant.',
    example: '2026-11-01T00:00:00Z',
  }),
  to: instant.optional().openapi({
    description: 'Only what happened before this instant.',
    example: '2026-12-01T00:00:00Z',
  }),
}

export const minConfidence = z
  .string()
  .regex(/^(0(\.\d{1,6})?|1(\.0{1,6})?)$/, 'give a number from 0 to 1')
  .transform(Number)
  .optional()
  .openapi({
    type: 'number',
    minimum: 0,
    maximum: 1,
    description: 'Only tags of at least this confidence. Default: all that were kept.',
    example: 0.5,
  })

/** Whether tags that a retag has superseded count too. */
export const versions = z.enum(['current', 'all']).default('current').openapi({
  description:
    'all: tags that a retag has superseded count too. Default: only tags of the version in their place.',
  example: 'current',
})

export function limit(rowsDefault: number) {
  return z
    .string()
    .regex(/^\d{1,4}$/, `give a whole number from 1 to ${pageRowsMax}`)
    .transform(Number)
    .refine(
      (rows) => rows >= 1 && rows <= pageRowsMax,
      `give a whole number from 1 to ${pageRowsMax}`,
    )
    .default(rowsDefault)
    .openapi({
      type: 'integer',
      minimum: 1,
      maximum: pageRowsMax,
      default: rowsDefault,
      description: `Most rows of a page, up to ${pageRowsMax}.`,
      example: 100,
    })
}

/** A yes or no; absent is either. */
export function flag(description: string) {
  return z
    .enum(['true', 'false'])
    .transform((text) => text === 'true')
    .optional()
    .openapi({ type: 'boolean', description })
}

/** Any id of ours or a producer's. */
export function id(description: string, example: string) {
  return z
    .string()
    .min(1)
    .max(idLengthMax)
    .openapi({ description, example, minLength: 1, maxLength: idLengthMax })
}

export const techniqueId = z
  .string()
  .regex(/^T\d{4}(\.\d{3})?$/, 'give an ATT&CK id: T1059 or T1059.001')
  .openapi({ description: 'An ATT&CK technique or sub-technique.', example: 'T1059.001' })

/** Throws `Problem` for a technique that the release does not have in force. */
export function assertKnown(technique: unknown, attack: Attack): void {
  if (typeof technique !== 'string' || techniqueId.safeParse(technique).success === false) return
  const found = attack.technique(technique)
  if (found !== undefined && !found.isRevoked && !found.isDeprecated) return
  const detail = `${technique} is not a technique in force in ATT&CK ${attack.release}`
  throw new Problem('invalid-request', 'One mistake; see `errors`.', {
    errors: [{ location: 'body', name: 'technique_id', detail }],
  })
}

const listMax = 50

/** A parameter that may repeat: one value or several, always a list. */
export function list(description: string, example: string) {
  const one = z.string().min(1).max(idLengthMax)
  return z
    .union([one.transform((value) => [value]), z.array(one).max(listMax)])
    .default([])
    .openapi({ type: 'array', items: { type: 'string' }, description, example: [example] })
}

export const tactic = z
  .string()
  .regex(/^(TA\d{4}|[a-z-]{1,40})$/, 'give a tactic: TA0006 or credential-access')

/** Ids of tactics that were named by id or shortname. Throws `Problem` for one the release lacks. */
export function tacticIds(names: readonly string[], attack: Attack): string[] {
  return names.map((name) => {
    const found = attack.tactic(name)
    if (found !== undefined) return found.id
    const detail = `${name} is not a tactic of ATT&CK ${attack.release}`
    throw new Problem('invalid-request', 'One mistake; see `errors`.', {
      errors: [{ location: 'query', name: 'tactic', detail }],
    })
  })
}

/** Epoch seconds of now. */
export function instantNow(clock: Clock): number {
  return clock.now() / secondMs
}
