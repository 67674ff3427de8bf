import { z } from '@hono/zod-openapi'
import type { Parameter } from '../../core/clickhouse.ts'
import {
  at,
  earliestS,
  id,
  instantNow,
  latestS,
  range,
  tactic,
  tacticIds,
  techniqueId,
} from '../parameters.ts'
import type { Services } from '../resource.ts'

/** The filters that every metric over tests takes (`test_selection`), and how a view is told them. */

export const testFilters = {
  at,
  ...range,
  exercise: id('Only tests of this exercise.', '2026-Q4 FIN7').optional(),
  technique: techniqueId.optional().openapi({
    description: 'Only tests of this technique with its sub-techniques, or of one sub-technique.',
    example: 'T1003.006',
  }),
  tactic: tactic
    .optional()
    .openapi({ description: 'Only tests of this tactic.', example: 'credential-access' }),
  platform: id('Only tests on this platform.', 'windows').optional(),
  team: id('Only tests of this red or blue team.', 'blue-1').optional(),
}

export const rounds = z.enum(['latest', 'all']).default('latest').openapi({
  description: 'A redone test has rounds: only its latest counts, or each.',
  example: 'latest',
})

export const testQuery = z.strictObject({ ...testFilters, rounds })

export const observedQuery = z.strictObject(testFilters)

type TestFilters = z.output<z.ZodObject<typeof testFilters>>

/** The parameters of `test_selection` and the views over it. Throws `Problem` for an unknown tactic. */
export function testParameters(
  { attack, clock }: Services,
  filters: TestFilters,
): Readonly<Record<string, Parameter>> {
  return {
    at_s: filters.at ?? instantNow(clock),
    from_s: filters.from ?? earliestS,
    to_s: filters.to ?? latestS,
    exercise: filters.exercise ?? '',
    technique_id: filters.technique ?? '',
    tactic: tacticIds(filters.tactic === undefined ? [] : [filters.tactic], attack)[0] ?? '',
    platform: filters.platform ?? '',
    team: filters.team ?? '',
  }
}
