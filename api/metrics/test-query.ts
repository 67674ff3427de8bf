import { z } from '@hono/zod-openapi'
import type { Parameter } from '../../core/clickhouse.ts'
import { at, earliestS, id, instantNow, latestS, range, techniqueId } from '../parameters.ts'
import { Problem } from '../problem.ts'
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
  tactic: z
    .string()
    .regex(/^(TA\d{4}|[a-z-]{1,40})$/, 'give a tactic: TA0006 or credential-access')
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
    tactic: filters.tactic === undefined ? '' : tacticId(filters.tactic, attack),
    platform: filters.platform ?? '',
    team: filters.team ?? '',
  }
}

function tacticId(text: string, attack: Services['attack']): string {
  const tactic = attack.tactic(text)
  if (tactic !== undefined) return tactic.id
  const detail = `is not a tactic of ATT&CK ${attack.release}`
  throw new Problem('invalid-request', 'One mistake; see `errors`.', {
    errors: [{ location: 'query', name: 'tactic', detail }],
  })
}
