import { z } from '@hono/zod-openapi'
import { cursor, isAfter, nextCursor, page } from '../cursor.ts'
import { limit } from '../parameters.ts'
import { type Services, timestamp } from '../resource.ts'
import { testFilters, testParameters } from './test-query.ts'

/** One test and what was really seen of it (`observed_detection`), for the lists that show such. */

const seconds = z.number().nonnegative().nullable()

export const observedTest = z
  .object({
    test_id: z.string(),
    round: z.int().nonnegative(),
    exercise: z.string().nullable(),
    name: z.string().nullable(),
    technique_id: z.string().nullable(),
    tactics: z.array(z.string()),
    platform: z.string().nullable(),
    state: z.string().nullable(),
    detection_result: z.string().nullable(),
    red_started_at: timestamp.nullable(),
    excluded_reason: z.string().nullable().openapi({
      description: 'Why nothing can be said of this test; the numbers below are then empty.',
    }),
    hits: z.int().nonnegative().openapi({ description: 'Tags that belong to the test.' }),
    alerts: z.int().nonnegative(),
    is_parent_match_only: z.boolean(),
    baseline_signals: z.int().nonnegative(),
    is_coincidental: z.boolean(),
    hit_seconds: seconds,
    ingested_seconds: seconds,
    tagged_seconds: seconds,
    alerted_seconds: seconds,
    acknowledged_seconds: seconds,
    validated_seconds: seconds,
    detected_seconds: seconds.openapi({ description: 'The first of hit and alert in 24 hours.' }),
    censored_seconds: seconds.openapi({ description: 'How long it was looked for.' }),
    miss_reason: z
      .enum(['no_events', 'no_rule_matched', 'alert_wrong_technique', 'rule_matched_no_alert'])
      .nullable(),
    disagreement: z.enum(['said_detected', 'said_missed']).nullable(),
  })
  .openapi('ObservedTest')

export type ObservedTest = z.input<typeof observedTest>

export const observedPage = z
  .object({ data: z.array(observedTest), next_cursor: nextCursor, total: z.int().nonnegative() })
  .openapi('ObservedTestPage')

export const observedTestExample: ObservedTest = {
  test_id: 'vectr:7c1e',
  round: 1,
  exercise: '2026-Q4 FIN7',
  name: 'DCSync',
  technique_id: 'T1003.006',
  tactics: ['TA0006'],
  platform: 'windows',
  state: 'validated',
  detection_result: 'detected',
  red_started_at: '2026-11-20T10:41:07.000Z',
  excluded_reason: null,
  hits: 0,
  alerts: 0,
  is_parent_match_only: false,
  baseline_signals: 0,
  is_coincidental: false,
  hit_seconds: null,
  ingested_seconds: null,
  tagged_seconds: null,
  alerted_seconds: null,
  acknowledged_seconds: null,
  validated_seconds: 1263,
  detected_seconds: null,
  censored_seconds: 86_400,
  miss_reason: 'no_rule_matched',
  disagreement: 'said_detected',
}

const list = 'observed-tests'
export const observedListQuery = z.strictObject({
  ...testFilters,
  limit: limit(100),
  cursor: cursor(list, z.tuple([z.string(), z.int()])),
})

/** A page of the selected tests that `isWanted`, in the order of their ids. */
export async function observedTests(
  services: Services,
  query: z.output<typeof observedListQuery>,
  isWanted: (test: ObservedTest) => boolean,
): Promise<z.input<typeof observedPage>> {
  const parameters = testParameters(services, query)
  const rows = await services.views.select<ObservedTest>('observed_detection', parameters)
  const wanted = rows.filter(isWanted)
  const { cursor: after } = query
  const rest = wanted
    .filter((test) => after === undefined || isAfter(keyOf(test), after))
    .toSorted((a, b) => (isAfter(keyOf(a), keyOf(b)) ? 1 : -1))
  // Parsed, so that nothing but the declared members leaves.
  return observedPage.parse({ ...page(list, rest, query.limit, keyOf), total: wanted.length })
}

function keyOf(test: ObservedTest): readonly [string, number] {
  return [test.test_id, test.round]
}
