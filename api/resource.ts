import { type OpenAPIHono, z } from '@hono/zod-openapi'
import type { Views } from '../core/clickhouse.ts'
import type { Clock } from '../core/clock.ts'
import type { Log } from '../core/log.ts'
import type { Random } from '../core/random.ts'
import type { Attack } from '../schemas/attack.ts'
import type { CatalogWriter } from './catalog-writer.ts'
import type { Principal } from './role.ts'

/**
 * What a resource is: one file that declares its routes and hands `(app, services)` one function.
 *
 * Contract:
 * - A route states summary, description, request and response schemas with an example; it is listed
 *   in `access.ts` with the least role that may use it, or the app does not start.
 * - A handler reads one view a call, shapes its rows and returns; it throws `Problem` for what the
 *   client did and lets everything else pass.
 * - Times out are RFC 3339 in UTC; absent values are null, never '' or 0.
 */
export type Resource = (app: Api, services: Services) => void

export type Api = OpenAPIHono<{ Variables: { requestId: string; principal: Principal } }>

/** Everything live that resources read. */
export interface Services {
  readonly views: Views
  readonly attack: Attack
  /** Writes, through the catalog topic. */
  readonly catalog: CatalogWriter
  /** The running revision's. */
  readonly rules: () => readonly RuleSummary[]
  /** By rule id; a rule without an entry is enabled. */
  readonly ruleStates: () => ReadonlyMap<string, RuleStateSummary>
  readonly health: Health
  /** Prometheus text, version 0.0.4. */
  readonly metrics: () => Promise<string>
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** Signs validations as the engine does; absent where no key is configured. */
  readonly sign?: (text: string) => string
}

export interface Health {
  isAlive(): boolean
  /**
   * Reasons are served without authentication: short sentences or codes, no addresses, no secrets.
   */
  readiness(): { readonly ready: boolean; readonly reasons: readonly string[] }
}

/** A rule of the running revision. */
export interface RuleSummary {
  readonly id: string
  readonly name: string
  readonly description: string
  readonly version: string
  readonly language: 'native' | 'sigma'
  readonly severity: string
  /** Native: the source kinds it reads. Sigma: null, it is routed by log source. */
  readonly kinds: readonly string[] | null
  readonly logsource: {
    readonly product?: string
    readonly service?: string
    readonly category?: string
  }
  readonly ruleHash: string
  readonly logicHash: string
  readonly emits: readonly {
    /** '' where a field of the event names the technique. */
    readonly techniqueId: string
    readonly subTechniqueId: string
    readonly tactics: readonly string[]
    readonly inRelease: boolean
    readonly confidence: number
  }[]
  /** What it has done in this process; absent when no event has met it. */
  readonly counters?: {
    readonly events: number
    readonly candidates: number
    readonly hits: number
    readonly errors: number
    /** Estimated from a sample. */
    readonly evaluationMs: number
    /** Tags by what became of them: `written`, or the reason why not. */
    readonly tags: Readonly<Record<string, number>>
  }
}

/** Of a rule that is not simply enabled. */
export interface RuleStateSummary {
  readonly state: 'enabled' | 'disabled' | 'clipped' | 'shadow' | 'quarantined'
  readonly confidenceMax: number | null
  readonly expiresAtMs: number | null
  readonly reason: string | null
  readonly setBy: string | null
  readonly setAtMs: number | null
}

/** A JSON response of a route. The example is checked against the schema in tests. */
export function json<Schema extends z.ZodType>(
  schema: Schema,
  description: string,
  example: z.input<Schema>,
) {
  return { description, content: { 'application/json': { schema, example } } }
}

/** The JSON body of a write. */
export function jsonBody<Schema extends z.ZodType>(schema: Schema, example: z.input<Schema>) {
  return { required: true, content: { 'application/json': { schema, example } } }
}

/** RFC 3339 of epoch milliseconds; null stays null. */
export function timeText(timeMs: number): string
export function timeText(timeMs: number | null): string | null
export function timeText(timeMs: number | null): string | null {
  return timeMs === null ? null : new Date(timeMs).toISOString()
}

/** A time in a response. */
export const timestamp = z.iso.datetime().openapi({ example: '2026-11-20T10:41:07.000Z' })
