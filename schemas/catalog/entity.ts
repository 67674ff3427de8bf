import type { z } from 'zod'
import type { Problem } from '../check.ts'
import { time } from '../scalar.ts'

/**
 * What every kind of catalog entity declares: its fields with their defaults, the fields that are
 * ours to work out, and how.
 */
export interface EntityContract {
  readonly schema: z.ZodType<Entity, unknown>
  /** Fields that a client may not set. */
  readonly derivedFields: readonly string[]
  /** Some facts never end: `delete` is refused with this reason. */
  readonly undeletable?: string
  /** What a schema of one entity cannot say. The value is the checked entity. */
  verify?(entity: Entity, facts: EntityFacts): readonly Problem[]
  /** JSON-ready; overrides the entity's own members of the same name. */
  derive?(entity: Entity, facts: EntityFacts): Readonly<Record<string, unknown>>
}

export type Entity = Readonly<Record<string, unknown>>

/** All that a derived field may depend on besides the entity. */
export interface EntityFacts {
  readonly kind: string
  readonly id: string
  readonly eventTimeMs: number
  readonly actor: string
  /** Validity of a validation whose record states no `expires_at`. */
  readonly validityDays: number
  /** Signs a canonical text (HMAC-SHA-256, hex); absent when no key is configured. */
  readonly sign?: (text: string) => string
  /** What the record states of derived members; only an actor of ours may. */
  readonly stated?: Entity
}

/** RFC 3339 in UTC to the millisecond, however it was sent. */
export const instant = time.transform(instantText)

export function instantText(ms: number): string {
  return new Date(ms).toISOString()
}

/** A text or list member that is there and not empty. */
export function textOf(entity: Entity, field: string): string {
  const value = entity[field]
  return typeof value === 'string' ? value : ''
}

/** Exactly one of `fields` must be there. */
export function exactlyOne(fields: readonly string[]) {
  return (context: { value: Entity; issues: z.core.$ZodRawIssue[] }): void => {
    const given = fields.filter((field) => isGiven(context.value[field]))
    if (given.length === 1) return
    context.issues.push({
      code: 'custom',
      message: `needs exactly one of ${fields.join(', ')}, has ${given.join(' and ') || 'none'}`,
      input: given,
    })
  }
}

export function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null
}

/** `earlier` must lie before `later` where both are there. */
export function inOrder(earlier: string, later: string) {
  return (context: { value: Entity; issues: z.core.$ZodRawIssue[] }): void => {
    const from = context.value[earlier]
    const to = context.value[later]
    if (typeof from !== 'string' || typeof to !== 'string' || from < to) return
    context.issues.push({
      code: 'custom',
      message: `must be after ${earlier}`,
      input: to,
      path: [later],
    })
  }
}
