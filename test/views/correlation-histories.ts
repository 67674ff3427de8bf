import fc from 'fast-check'
import type { Asked, MatchRow } from './oracle/correlations.ts'

/**
 * Histories of what rules matched, each of rules of its own: an event is matched by some of them, has
 * some of the fields, is delivered once or several times, and comes late. Times lie on a grid whose
 * step divides the timespan, and a millisecond beside it.
 */

/** Matches end by themselves some months after they were taken in: these are of years to come. */
export const correlationsDay0 = Date.UTC(2040, 10, 20)
export const timespanMs = 60_000

const rules = ['a', 'b', 'c']
const fieldNames = ['g', 'h', 'v', 'w']

const event = fc.record({
  step: fc.integer({ min: 0, max: 40 }),
  beside: fc.constantFrom(-1, 0, 0, 0, 1),
  matched: fc.subarray(rules, { minLength: 1 }),
  g: fc.constantFrom('g1', 'g1', 'g2'),
  h: fc.constantFrom('g1', 'g2', ''),
  v: fc.constantFrom('v1', 'v2', 'v3', 'v4'),
  w: fc.constantFrom('v1', ''),
  had: fc.oneof(fc.constant(fieldNames), fc.subarray(fieldNames)),
  host: fc.constantFrom('ws1', 'ws2', ''),
  user: fc.constantFrom('jane', ''),
  attacker_id: fc.constantFrom('10.0.0.7', ''),
  /** Hours after it happened, of each delivery. */
  delivered: fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 2 }),
})

const few = fc.array(event, { minLength: 1, maxLength: 40, size: 'max' })

/** So many at once that a list of them ends. */
const crowd = fc
  .array(event, { minLength: 250, maxLength: 300, size: 'max' })
  .map((events) => events.map((one) => ({ ...one, step: one.step % 8 })))

export function ruleIdsOf(key: number): readonly string[] {
  return rules.map((name) => `correlated-${key}-${name}`)
}

/** The first history is a crowd. */
export function sampleMatches(seed: number, histories: number): MatchRow[] {
  const sampled = [
    ...fc.sample(crowd, { seed, numRuns: 1 }),
    ...fc.sample(few, { seed, numRuns: histories - 1 }),
  ]
  const rows = sampled.flatMap((events, key) =>
    events.flatMap(({ step, beside, matched, had, host, user, attacker_id, ...rest }, n) => {
      const event_time = correlationsDay0 + (step * timespanMs) / 6 + beside
      const values: Readonly<Record<string, string>> = {
        g: rest.g,
        h: rest.h,
        v: rest.v,
        w: rest.w,
      }
      return matched.flatMap((rule) =>
        rest.delivered.map((hours) => ({
          ...blank,
          rule_id: `correlated-${key}-${rule}`,
          event_time,
          ingest_time: correlationsDay0 + hours * 3_600_000,
          source_id: `e${n}`,
          ...{ host, user, attacker_id },
          field_names: [...had],
          field_values: had.map((name) => values[name] ?? ''),
        })),
      )
    }),
  )
  const [order = []] = fc.sample(fc.shuffledSubarray(rows, { minLength: rows.length }), {
    seed,
    numRuns: 1,
  })
  return order.map((row, offset) => ({ ...row, offset }))
}

const blank: MatchRow = {
  log: 'l1',
  topic: 'ttp.commands',
  partition: 0,
  offset: 0,
  ingest_time: 0,
  rule_id: '',
  rule_version: '1',
  event_time: 0,
  source_kind: 'process',
  source_id: '',
  identity_id: '',
  attacker_id: '',
  host: '',
  user: '',
  field_names: [],
  field_values: [],
}

export interface Question extends Omit<Asked, 'ruleIds' | 'isHeld' | 'windowMs'> {
  readonly rules: readonly number[]
  readonly least: number
  readonly most: number
  readonly not: readonly number[]
}

const lists = (...names: string[][]) =>
  fc.oneof(
    fc.constantFrom(...names).map((one) => [one, one, one]),
    // By another name in each rule.
    fc.constant([['g'], ['h'], ['g']]),
  )

/** A question to each history in turn: of the crowd that all of it is listed. */
export function sampleQuestions(seed: number, histories: number): readonly Question[] {
  const of = { type: 'event_count', rules: [0, 1, 2], groupFields: [], valueFields: [] } as const
  const all = { ...of, sinceMs: 0, least: 0, most: Number.MAX_SAFE_INTEGER, not: [-1] }
  return [all, ...fc.sample(question, { seed, numRuns: histories - 1 })]
}

/** Sometimes of two of the rules only, or in another order. */
const question: fc.Arbitrary<Question> = fc.record({
  type: fc.constantFrom('event_count', 'value_count', 'temporal', 'temporal_ordered'),
  rules: fc.shuffledSubarray([0, 1, 2], { minLength: 1 }),
  groupFields: lists(['g'], ['g', 'h'], []),
  valueFields: lists(['v'], ['v', 'w'], ['w']),
  sinceMs: fc.constantFrom(0, 1, 2, 3, 4).map((hours) => correlationsDay0 + hours * 3_600_000),
  least: fc.constantFrom(0, 1, 2, 2, 3),
  most: fc.constantFrom(2, 3, Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER),
  not: fc.constantFrom([-1], [-1], [-1, 2], [-1, 1, 3]),
})
