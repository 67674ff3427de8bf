import { z } from '@hono/zod-openapi'
import type { Services } from '../resource.ts'
import { testParameters, type testQuery } from './test-query.ts'

/** Hours that tests took: the shape that MTTD and MTTR share (`test_times`). */

const hours = z.number().nullable()

export const testTimes = z
  .object({
    measures: z.string().openapi({ description: 'What the number is the time of.' }),
    mean_hours: hours,
    median_hours: hours.openapi({ description: 'Element ⌊n / 2⌋ of the sorted list.' }),
    min_hours: hours,
    max_hours: hours,
    sample_size: z.int().nonnegative(),
    p50_hours: hours.openapi({ description: 'Interpolated, not rounded; so are p90 and p95.' }),
    p90_hours: hours,
    p95_hours: hours,
    excluded: z
      .record(z.string(), z.int().nonnegative())
      .openapi({ description: 'Tests that were asked for and do not count, by reason.' }),
  })
  .openapi('TestTimes')

export const testTimesExample: z.input<typeof testTimes> = {
  measures: 'execution time: red start to blue start, net of red pauses',
  mean_hours: 1.4,
  median_hours: 0.9,
  min_hours: 0.1,
  max_hours: 6.2,
  sample_size: 38,
  p50_hours: 0.8833,
  p90_hours: 3.2,
  p95_hours: 4.75,
  excluded: { no_blue_start: 3, not_positive: 1 },
}

const measures = {
  mttd: 'execution time: red start to blue start, net of red pauses',
  mttr: 'test cycle time: red start to blue validation, net of all pauses',
} as const

export async function readTestTimes(
  services: Services,
  metric: keyof typeof measures,
  query: z.output<typeof testQuery>,
): Promise<z.input<typeof testTimes>> {
  const [row] = await services.views.select<object>('test_times', {
    metric,
    rounds: query.rounds,
    ...testParameters(services, query),
  })
  return testTimes.parse({ measures: measures[metric], ...row })
}
