import { z } from 'zod'
import { shown } from './check.ts'
import { epochMsMin, parseTime, timeMaxMs } from './time.ts'

/**
 * The scalar types that contracts are made of. Input is bounded everywhere; null means absent.
 */

export const idCharsMax = 512
export const nameCharsMax = 1_024
export const noteCharsMax = 65_536
export const listMax = 1_000

/** Not empty, at most 512 characters; a number is taken as its text. */
export const id = z
  .union([z.string().min(1).max(idCharsMax), z.number().transform(String)])
  .meta({ description: `Identifier, at most ${idCharsMax} characters` })

/** One line: a name, a label, a state. */
export const name = z.union([z.string().max(nameCharsMax), z.number().transform(String)])

/** Free text. */
export const note = z.string().max(noteCharsMax)

export const ids = z.array(id).max(listMax)
export const names = z.array(name).max(listMax)
export const freeForm = z.record(z.string(), z.unknown())

/** Epoch milliseconds from RFC 3339 with a zone, or from epoch milliseconds; 1970 to 2100. */
export const time = z
  .union([z.string(), z.number()])
  .transform((input, context) => {
    const ms = typeof input === 'number' ? Math.trunc(input) : parseTime(input)
    const problem = problemOf(input, ms)
    if (problem === undefined) return ms
    context.addIssue({ code: 'custom', message: problem, input })
    return z.NEVER
  })
  .meta({ description: 'RFC 3339 with a zone, or epoch milliseconds' })

function problemOf(input: string | number, ms: number): string | undefined {
  if (!Number.isFinite(ms)) {
    return `${shown(input)} is not a time; send RFC 3339 with a zone, or epoch milliseconds`
  }
  if (ms < 0) return `${shown(input)} is before 1970`
  if (ms > timeMaxMs) return `${shown(input)} is after 2100`
  if (typeof input === 'number' && ms < epochMsMin) {
    return `${shown(input)} looks like epoch seconds; send milliseconds`
  }
  return undefined
}

/** `Tnnnn` or `Tnnnn.nnn`, upper-cased. Whether the release has it is asked elsewhere. */
export const techniqueId = z
  .string()
  .regex(/^T\d{4}(?:\.\d{3})?$/i, {
    error: (issue) => `${shown(issue.input)} is not a technique; write Tnnnn or Tnnnn.nnn`,
  })
  .transform((text) => text.toUpperCase())

export const techniqueIds = z.array(techniqueId).max(listMax)

/** Lower-cased, so that `High` and `high` are one. */
export const label = z
  .string()
  .max(64)
  .transform((text) => text.trim().toLowerCase())

/** Seconds, a whole number from 0 on; fractions are rounded. */
export const seconds = z
  .number()
  .min(0)
  .max(4_294_967_295)
  .transform((value) => Math.round(value))

export const counter = z.number().int().min(0).max(4_294_967_295)
