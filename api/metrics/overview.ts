import { createRoute, z } from '@hono/zod-openapi'
import { json, type Resource, type Services } from '../resource.ts'
import { testParameters, testQuery } from './test-query.ts'
import { readTestTimes, testTimes, testTimesExample } from './test-times.ts'

/**
 * All operational metrics at once. The keys that another product has too keep its definition and its
 * rounding (one decimal, half-even; 0 where there is nothing to count); what is better stands beside
 * them under a name of its own.
 */

const count = z.int().nonnegative()
const rounded = z.number()
const share = z.number().min(0).max(100).nullable()
const trend = z.enum(['improving', 'stable', 'declining'])

const overview = z
  .object({
    mttd: testTimes,
    mttr: testTimes,
    detection_efficacy: z
      .object({
        percentage: rounded,
        detected: count,
        partially: count,
        not_detected: count,
        total: count.openapi({ description: 'Validated tests, those with no result too.' }),
      })
      .openapi('DetectionEfficacy'),
    alert_fidelity: z
      .object({
        percentage: rounded,
        triggered: count,
        not_triggered: count,
        total_evaluated: count,
      })
      .openapi('AlertFidelity', {
        description: 'Detection results of tests, by whether the detection triggered.',
      }),
    true_fidelity: z
      .object({
        percentage: share,
        true_positives: count,
        false_positives: count,
        alerts: count,
        verdict_share: share.openapi({ description: 'Percent of alerts that have a verdict.' }),
      })
      .openapi('TrueFidelity', { description: 'Alerts with a verdict, by what it says.' }),
    coverage_velocity: z
      .object({
        techniques_per_week: rounded,
        trend,
        weeks: z.array(z.iso.date()),
        reviewed: z.array(count),
      })
      .openapi('CoverageVelocity', {
        description: 'Techniques by the week of their last review, over 12 weeks; takes only `at`.',
      }),
    validation_throughput: z
      .object({
        tests_per_week: rounded.openapi({ description: 'An alias of conversion_rate.' }),
        conversion_rate: rounded,
        validated: count,
        rejected: count,
        in_review: count,
        trend,
      })
      .openapi('ValidationThroughput'),
    rejection_rate: z
      .object({ percentage: rounded, by_red_lead: rounded, by_blue_lead: rounded })
      .openapi('RejectionRate'),
    acceptance_by_round: z.array(
      z
        .object({ round: count, validated: count, rejected: count, percentage: share })
        .openapi('RoundAcceptance'),
    ),
    excluded: z.record(z.string(), count),
  })
  .openapi('OperationalMetrics')

const example: z.input<typeof overview> = {
  mttd: testTimesExample,
  mttr: {
    ...testTimesExample,
    measures: 'test cycle time: red start to blue validation, net of all pauses',
  },
  detection_efficacy: { percentage: 62.5, detected: 20, partially: 6, not_detected: 5, total: 32 },
  alert_fidelity: { percentage: 71.4, triggered: 20, not_triggered: 8, total_evaluated: 28 },
  true_fidelity: {
    percentage: 83.3,
    true_positives: 10,
    false_positives: 2,
    alerts: 40,
    verdict_share: 30,
  },
  coverage_velocity: {
    techniques_per_week: 3.5,
    trend: 'improving',
    weeks: ['2026-11-09', '2026-11-16'],
    reviewed: [3, 4],
  },
  validation_throughput: {
    tests_per_week: 84.2,
    conversion_rate: 84.2,
    validated: 32,
    rejected: 4,
    in_review: 2,
    trend: 'improving',
  },
  rejection_rate: { percentage: 11.1, by_red_lead: 5.3, by_blue_lead: 6.1 },
  acceptance_by_round: [{ round: 1, validated: 28, rejected: 4, percentage: 87.5 }],
  excluded: { unknown_state: 1 },
}

const route = createRoute({
  method: 'get',
  path: '/api/v1/metrics/operational',
  tags: ['metrics'],
  summary: 'All operational metrics',
  description:
    'Times, efficacy, fidelity, velocity, throughput and rejection over the selected tests. Shared ' +
    'keys keep the definition and rounding of the product they come from.',
  request: { query: testQuery },
  responses: { 200: json(overview, 'One object a metric.', example) },
})

export const operational: Resource = (app, services) => {
  app.openapi(route, async (c) => c.json(await read(services, c.req.valid('query')), 200))
}

/** A row of `test_quality`. */
interface Quality {
  readonly validated: number
  readonly rejected: number
  readonly in_review: number
  readonly detected: number
  readonly partially_detected: number
  readonly not_detected: number
  readonly detection_efficacy_pct: number
  readonly triggered: number
  readonly not_triggered: number
  readonly alert_fidelity_pct: number
  readonly conversion_pct: number
  readonly conversion_trend: z.output<typeof trend>
  readonly rejection_pct: number
  readonly red_lead_rejection_pct: number
  readonly blue_lead_rejection_pct: number
  readonly excluded: Readonly<Record<string, number>>
}

/** A row of `alert_quality`. */
interface AlertQuality {
  readonly alerts: number
  readonly true_positives: number
  readonly false_positives: number
  readonly true_fidelity_pct: number | null
  readonly verdict_pct: number | null
}

/** A row of `test_acceptance`. */
interface Acceptance {
  readonly round: number
  readonly validated: number
  readonly rejected: number
  readonly acceptance_pct: number | null
}

async function read(
  services: Services,
  query: z.output<typeof testQuery>,
): Promise<z.output<typeof overview>> {
  const { views } = services
  const parameters = testParameters(services, query)
  const { at_s = 0, from_s = 0, to_s = 0, technique_id = '', tactic = '' } = parameters
  const [mttd, mttr, [quality], [alerts], [velocity], rounds] = await Promise.all([
    readTestTimes(services, 'mttd', query),
    readTestTimes(services, 'mttr', query),
    views.select<Quality>('test_quality', { ...parameters, rounds: query.rounds }),
    views.select<AlertQuality>('alert_quality', { at_s, from_s, to_s, technique_id, tactic }),
    views.select<object>('coverage_velocity', { at_s }),
    views.select<Acceptance>('test_acceptance', parameters),
  ])
  return overview.parse({
    mttd,
    mttr,
    ...fromQuality(quality),
    true_fidelity: {
      percentage: alerts?.true_fidelity_pct,
      true_positives: alerts?.true_positives,
      false_positives: alerts?.false_positives,
      alerts: alerts?.alerts,
      verdict_share: alerts?.verdict_pct,
    },
    coverage_velocity: velocity,
    acceptance_by_round: rounds
      .toSorted((a, b) => a.round - b.round)
      .map(({ acceptance_pct, ...row }) => ({ ...row, percentage: acceptance_pct })),
  })
}

function fromQuality(row: Quality | undefined) {
  if (row === undefined) return {}
  return {
    detection_efficacy: {
      percentage: row.detection_efficacy_pct,
      detected: row.detected,
      partially: row.partially_detected,
      not_detected: row.not_detected,
      total: row.validated,
    },
    alert_fidelity: {
      percentage: row.alert_fidelity_pct,
      triggered: row.triggered,
      not_triggered: row.not_triggered,
      total_evaluated: row.triggered + row.not_triggered,
    },
    validation_throughput: {
      tests_per_week: row.conversion_pct,
      conversion_rate: row.conversion_pct,
      validated: row.validated,
      rejected: row.rejected,
      in_review: row.in_review,
      trend: row.conversion_trend,
    },
    rejection_rate: {
      percentage: row.rejection_pct,
      by_red_lead: row.red_lead_rejection_pct,
      by_blue_lead: row.blue_lead_rejection_pct,
    },
    excluded: row.excluded,
  }
}
