import { z } from '@hono/zod-openapi'
import { secondMs } from '../../core/units.ts'
import type { Attack } from '../../schemas/attack.ts'
import { cursor, isAfter, nextCursor, page } from '../cursor.ts'
import { earliestS, latestS, limit, minConfidence, range, versions } from '../parameters.ts'
import { notFound } from '../problem.ts'
import { type Services, timestamp } from '../resource.ts'

/**
 * Tags counted by technique, sub-technique and tactic: the shape that the fleet, an identity, an
 * attacker and a session share. Pages go in the order of technique ids, which new tags do not
 * reorder, so a reader of several pages neither misses a row nor sees one twice.
 */

const rollupKey = z.tuple([z.string(), z.string(), z.string()])

export const rollupQuery = z.strictObject({
  ...range,
  min_confidence: minConfidence,
  versions,
  limit: limit(1_000),
  cursor: cursor('rollup', rollupKey),
})
export type RollupQuery = z.output<typeof rollupQuery>

export const rollupRow = z
  .object({
    technique_id: z.string().openapi({ example: 'T1059' }),
    technique_name: z.string().nullable().openapi({ example: 'Command and Scripting Interpreter' }),
    sub_technique_id: z.string().nullable().openapi({ example: 'T1059.001' }),
    sub_technique_name: z.string().nullable().openapi({ example: 'PowerShell' }),
    tactic: z.string().openapi({ example: 'TA0002' }),
    tactic_name: z.string().nullable().openapi({ example: 'Execution' }),
    count: z.int().nonnegative(),
    first_seen: timestamp,
    last_seen: timestamp,
    confidence_max: z.number().min(0).max(1),
    url: z.string().nullable().openapi({
      description: 'The technique’s page; null where the pinned ATT&CK release does not know it.',
      example: 'https://attack.mitre.org/techniques/T1059/001/',
    }),
  })
  .openapi('TechniqueRollup')

export const rollup = z
  .object({ data: z.array(rollupRow), next_cursor: nextCursor, total: z.int() })
  .openapi('TechniqueRollupPage')

export const rollupExample: z.input<typeof rollup> = {
  data: [
    {
      technique_id: 'T1059',
      technique_name: 'Command and Scripting Interpreter',
      sub_technique_id: 'T1059.001',
      sub_technique_name: 'PowerShell',
      tactic: 'TA0002',
      tactic_name: 'Execution',
      count: 42,
      first_seen: '2026-11-02T08:15:00.000Z',
      last_seen: '2026-11-20T10:41:07.123Z',
      confidence_max: 0.9,
      url: 'https://attack.mitre.org/techniques/T1059/001/',
    },
  ],
  next_cursor: null,
  total: 1,
}

/** A row of `tag_techniques` and its siblings. */
export interface TechniqueRow {
  readonly technique_id: string
  /** '' for a technique without sub-technique. */
  readonly sub_technique_id: string
  readonly tactic: string
  readonly count: number
  readonly first_seen: string
  readonly last_seen: string
  readonly confidence_max: number
}

/** What tags are rolled up by. `tag_techniques_by_…` and `…_seen` take its id as `…_id`. */
export type Anchor = 'identity' | 'attacker' | 'session'

export interface TagWindow {
  readonly from?: number | undefined
  readonly to?: number | undefined
  readonly min_confidence?: number | undefined
  readonly versions?: 'current' | 'all'
}

export function fleetRows(services: Services, window: TagWindow): Promise<TechniqueRow[]> {
  const parameters = windowParameters(window)
  const isOfMonths = isMonthStart(parameters.from_s) && isMonthStart(parameters.to_s)
  const view = isOfMonths ? 'tag_techniques_of_months' : 'tag_techniques'
  return services.views.select<TechniqueRow>(view, parameters)
}

/** Throws `Problem` not-found for an id that nothing ever carried. */
export async function anchorRows(
  { views }: Services,
  anchor: Anchor,
  id: string,
  window: TagWindow,
): Promise<TechniqueRow[]> {
  const subject = { [`${anchor}_id`]: id }
  const rows = await views.select<TechniqueRow>(`tag_techniques_by_${anchor}`, {
    ...subject,
    ...windowParameters(window),
  })
  if (rows.length > 0) return rows
  // A range leaves out what it does not hold: only what was never heard of is not found.
  const ever = { ...subject, at_s: latestS }
  const [known] = await views.select<{ readonly seen: boolean }>(`${anchor}_seen`, ever)
  if (known?.seen !== true) throw notFound(`The ${anchor} ${id}`)
  return rows
}

export function rollupPage(
  rows: readonly TechniqueRow[],
  attack: Attack,
  query: RollupQuery,
): z.input<typeof rollup> {
  const { cursor: after } = query
  const sorted = rows
    .filter((row) => after === undefined || isAfter(keyOf(row), after))
    .toSorted((a, b) => (isAfter(keyOf(a), keyOf(b)) ? 1 : -1))
  const cut = page('rollup', sorted, query.limit, keyOf)
  return { ...cut, data: cut.data.map((row) => named(row, attack)), total: rows.length }
}

export function techniqueUrl(id: string, attack: Attack): string | null {
  if (attack.technique(id) === undefined) return null
  return `https://attack.mitre.org/techniques/${id.replace('.', '/')}/`
}

function windowParameters(window: TagWindow) {
  return {
    from_s: window.from ?? earliestS,
    to_s: window.to ?? latestS,
    min_confidence: window.min_confidence ?? 0,
    all_versions: window.versions === 'all',
  }
}

function isMonthStart(seconds: number): boolean {
  const date = new Date(seconds * secondMs)
  return seconds === Date.UTC(date.getUTCFullYear(), date.getUTCMonth()) / secondMs
}

function keyOf(row: TechniqueRow): readonly [string, string, string] {
  return [row.technique_id, row.sub_technique_id, row.tactic]
}

function named(row: TechniqueRow, attack: Attack): z.input<typeof rollupRow> {
  const { technique_id, sub_technique_id, tactic } = row
  const hasSub = sub_technique_id !== ''
  return {
    technique_id,
    technique_name: attack.technique(technique_id)?.name ?? null,
    sub_technique_id: hasSub ? sub_technique_id : null,
    sub_technique_name: hasSub ? (attack.technique(sub_technique_id)?.name ?? null) : null,
    tactic,
    tactic_name: attack.tactic(tactic)?.name ?? null,
    count: row.count,
    first_seen: row.first_seen,
    last_seen: row.last_seen,
    confidence_max: row.confidence_max,
    url: techniqueUrl(hasSub ? sub_technique_id : technique_id, attack),
  }
}
