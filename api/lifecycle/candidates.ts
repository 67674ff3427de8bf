import { z } from '@hono/zod-openapi'
import type { Views } from '../../core/clickhouse.ts'
import type { CatalogWrite } from '../catalog-writer.ts'
import { techniqueId } from '../parameters.ts'

/**
 * Candidates, assets made from rules that nobody has adopted, by what they are (L1); and the changes
 * that adopt them. An adoption restates the whole asset, as every change of one does.
 */

/** More are adopted in several calls. */
export const adoptionsMax = 10_000

const text = z.string().min(1).max(500)

export const candidateFilter = z
  .strictObject({
    asset_type: text.optional().openapi({ description: 'native, sigma.', example: 'sigma' }),
    platform: text.optional().openapi({ example: 'windows' }),
    log_source_name: text.optional().openapi({ example: 'windows/process_creation' }),
    technique_id: techniqueId.optional().openapi({
      description: 'Mapped to this technique, or to one of its sub-techniques.',
      example: 'T1003',
    }),
    rule_file_path: text.optional().openapi({
      description: 'How the path of the rule’s file begins.',
      example: 'rules/windows/',
    }),
  })
  .openapi('CandidateFilter')

export type CandidateFilter = z.output<typeof candidateFilter>

type Entity = Readonly<Record<string, unknown>>

export interface Candidate {
  readonly id: string
  readonly entity: Entity
}

export interface Candidates {
  /** In the order of their ids. */
  readonly wanted: readonly Candidate[]
  /** Found beyond the most that are adopted at once. */
  readonly left: number
}

/** The first `adoptionsMax` as of `at_s`. No filter: of all candidates. */
export async function readCandidates(
  views: Views,
  at_s: number,
  filter: CandidateFilter,
): Promise<Candidates> {
  const rows = await views.select<CandidateRow>('candidate_assets', { at_s })
  const found = rows
    .map((row) => ({ ...row, parsed: entitySchema.parse(JSON.parse(row.entity)) }))
    .filter(({ parsed, technique_ids }) => isWanted(parsed, technique_ids, filter))
    .map(({ asset_id, parsed }) => ({ id: asset_id, entity: parsed }))
  const wanted = found.slice(0, adoptionsMax)
  return { wanted, left: found.length - wanted.length }
}

export function adoption({ id, entity }: Candidate, actor: string): CatalogWrite {
  return {
    kind: 'detection_asset',
    op: 'put',
    id,
    actor,
    reason: 'adopted',
    entity: { ...entity, adoption: 'adopted' },
  }
}

interface CandidateRow {
  readonly asset_id: string
  /** JSON. */
  readonly entity: string
  readonly technique_ids: readonly string[]
}

const entitySchema = z.record(z.string(), z.unknown())

function isWanted(
  entity: Entity,
  techniques: readonly string[],
  { technique_id, rule_file_path, ...exact }: CandidateFilter,
): boolean {
  const path = entity['rule_file_path']
  return (
    Object.entries(exact).every(
      ([name, value]) => value === undefined || isSameText(entity[name], value),
    ) &&
    (technique_id === undefined ||
      techniques.some((id) => id === technique_id || id.startsWith(`${technique_id}.`))) &&
    (rule_file_path === undefined || (typeof path === 'string' && path.startsWith(rule_file_path)))
  )
}

function isSameText(value: unknown, wanted: string): boolean {
  return typeof value === 'string' && value.toLowerCase() === wanted.toLowerCase()
}
