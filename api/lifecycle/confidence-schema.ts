import { z } from '@hono/zod-openapi'
import { coverageStatus } from '../coverage.ts'
import { type Services, timestamp } from '../resource.ts'
import type { AssetStatusRow } from './asset-schema.ts'

/** Confidence in a technique as it is answered, and how it is read (L7). */

const count = z.int().nonnegative()
const factor = z.number().min(0).max(1)
export const level = z.enum(['unknown', 'very_low', 'low', 'medium', 'high'])

export const confidence = z
  .object({
    technique_id: z.string(),
    name: z.string(),
    parent_id: z.string().nullable(),
    tactics: z.array(z.string()),
    platforms: z.array(z.string()),
    status: coverageStatus,
    score: z.number().min(0).max(100),
    level,
    score_breakdown: z.record(z.string(), z.number()),
    recency: factor,
    coverage: factor,
    health: factor,
    health_mean: factor,
    diversity: factor,
    detection_count: count,
    valid_detection_count: count,
    last_validated_at: timestamp.nullable(),
    next_validation_due: timestamp.nullable(),
    risk_factors: z.array(z.string()),
    test_count: count,
    detection_rate: factor.nullable(),
    detection_rate_lower_bound: factor.nullable().openapi({
      description: 'One-sided 90 % Wilson bound over tests weighted by age; null without tests.',
    }),
    policy_id: z.string(),
    last_recalculated_at: timestamp,
    url: z.string().nullable(),
  })
  .openapi('TechniqueConfidence')

export const confidenceExample: z.input<typeof confidence> = {
  technique_id: 'T1003.006',
  name: 'DCSync',
  parent_id: 'T1003',
  tactics: ['TA0006'],
  platforms: ['Windows'],
  status: 'validated',
  score: 71.2,
  level: 'medium',
  score_breakdown: { recency: 30, coverage: 20, health: 16.2, diversity: 5 },
  recency: 1,
  coverage: 0.6667,
  health: 0.65,
  health_mean: 0.65,
  diversity: 0.3333,
  detection_count: 2,
  valid_detection_count: 1,
  last_validated_at: '2026-11-20T11:02:00.000Z',
  next_validation_due: '2027-02-18T11:02:00.000Z',
  risk_factors: ['single_detection'],
  test_count: 4,
  detection_rate: 0.75,
  detection_rate_lower_bound: 0.43,
  policy_id: 'default',
  last_recalculated_at: '2026-11-21T00:00:00.000Z',
  url: 'https://attack.mitre.org/techniques/T1003/006/',
}

/** A row of `technique_confidence`. */
export type ConfidenceRow = Omit<z.input<typeof confidence>, 'url' | 'parent_id'> & {
  /** Its own id where it is no sub-technique. */
  readonly parent_id: string
  readonly domain: string
}

/** A row of `technique_evidence`. */
type EvidenceRow = Omit<
  ConfidenceRow,
  'score' | 'level' | 'health' | 'health_mean' | 'risk_factors'
> & {
  readonly health_weight: number
  /** Its assets, each with whether a validation of it is valid. */
  readonly assets: readonly (readonly [id: string, isValid: 0 | 1])[]
  readonly possible_risks: readonly string[]
}

/**
 * Confidence as of `at_s` as `technique_confidence` has it, and the health of assets that it rests on. The two halves of that
 * view do not wait for each other, and ClickHouse plans a query on one core: side by side they take half the time.
 */
export async function readConfidence(
  { views }: Pick<Services, 'views'>,
  at_s: number,
): Promise<{ techniques: ConfidenceRow[]; assets: AssetStatusRow[] }> {
  const [evidence, assets] = await Promise.all([
    views.select<EvidenceRow>('technique_evidence', { at_s }),
    views.select<AssetStatusRow>('asset_status', { at_s }),
  ])
  const status = new Map(assets.map((row) => [row.asset_id, row]))
  return { techniques: evidence.map((row) => scored(row, status)), assets }
}

/** What `technique_confidence` makes of the two. */
function scored(row: EvidenceRow, status: ReadonlyMap<string, AssetStatusRow>): ConfidenceRow {
  const { assets, health_weight, possible_risks, ...evidence } = row
  const states = new Set<string>()
  const factors = assets.map(([id, isValid]) => {
    const found = status.get(id)
    if (found !== undefined) states.add(found.health_status)
    return { isValid, factor: found?.health_factor ?? 0 }
  })
  const health = Math.max(0, ...factors.map(({ isValid, factor }) => (isValid ? factor : 0)))
  const score_breakdown = { ...evidence.score_breakdown, health: health_weight * health }
  const score = sum(Object.values(score_breakdown))
  return {
    ...evidence,
    score,
    level: evidence.detection_count === 0 ? 'unknown' : levelOf(score),
    score_breakdown,
    health,
    health_mean:
      factors.length === 0 ? 0 : sum(factors.map(({ factor }) => factor)) / factors.length,
    risk_factors: possible_risks.filter((risk) => !ofHealth.has(risk) || states.has(risk)),
  }
}

const ofHealth: ReadonlySet<string> = new Set(['silent', 'noisy'])

function levelOf(score: number): z.output<typeof level> {
  if (score < 25) return 'very_low'
  if (score < 50) return 'low'
  return score < 75 ? 'medium' : 'high'
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
