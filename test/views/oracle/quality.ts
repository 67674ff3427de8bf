import { tenths } from './rounding.ts'
import { inOrder, isKnownState, type TestRow, type TestState } from './tests.ts'

/** How tests ended (T2, T4 to T6), counted one by one from their states. */

export interface Detection {
  readonly test_id: string
  readonly round: number
  readonly result_id: string
  readonly asset_id: string
  readonly alert_id: string
  readonly triggered: boolean | null
}

/** Detection results, each as it was last told, of every round. */
export function testDetections(rows: readonly TestRow[], atMs: number): Detection[] {
  const results = new Map<string, Detection>()
  const rounds = new Map<string, number>()
  for (const row of rows.filter((row) => row.event_time <= atMs).toSorted(inOrder)) {
    const current = Math.max(rounds.get(row.test_id) ?? 1, row.round ?? 1)
    rounds.set(row.test_id, current)
    const round = row.round ?? current
    for (const [index, result_id] of row.detection_ids.entries()) {
      const key = JSON.stringify([row.test_id, round, result_id])
      const before = results.get(key)
      results.set(key, {
        test_id: row.test_id,
        round,
        result_id,
        asset_id: row.detection_asset_ids[index] || (before?.asset_id ?? ''),
        alert_id: row.detection_alert_ids[index] || (before?.alert_id ?? ''),
        triggered: row.detection_triggered[index] ?? before?.triggered ?? null,
      })
    }
  }
  return [...results.values()]
}

/** `part` of `whole` in per cent to one decimal, 0 of nothing. */
function percent(part: number, whole: number): number {
  return whole === 0 ? 0 : tenths((part / whole) * 100)
}

export function quality(
  chosen: readonly TestState[],
  detections: readonly Detection[],
): Record<string, unknown> {
  const known = chosen.filter(isKnownState)
  const count = (is: (state: TestState) => boolean) => known.filter(is).length
  const validated = count(({ state }) => state === 'validated')
  const rejected = count(({ state }) => state === 'rejected')
  const inReview = count(({ state }) => state === 'in_review')
  const withResult = (result: string) =>
    count((test) => test.state === 'validated' && test.detection_result === result)
  const detected = withResult('detected')
  const said = (triggered: boolean) =>
    detections.filter(
      (one) =>
        one.triggered === triggered &&
        known.some((test) => test.test_id === one.test_id && test.round === one.round),
    ).length
  const triggered = said(true)
  const red = (word: string) => count((test) => test.red_validation_status === word)
  const blue = (word: string) => count((test) => test.blue_validation_status === word)
  const decided = validated + rejected + inReview
  const conversion = percent(validated, decided)
  const unknown = chosen.length - known.length
  return {
    validated,
    rejected,
    in_review: inReview,
    detected,
    partially_detected: withResult('partially_detected'),
    not_detected: withResult('not_detected'),
    detection_efficacy_pct: percent(detected, validated),
    triggered,
    not_triggered: said(false),
    alert_fidelity_pct: percent(triggered, triggered + said(false)),
    conversion_pct: conversion,
    conversion_trend: trendOf(decided, inReview, validated, conversion),
    rejection_pct: percent(rejected, validated + rejected),
    red_approved: red('approved'),
    red_rejected: red('rejected'),
    red_lead_rejection_pct: percent(red('rejected'), red('approved') + red('rejected')),
    blue_approved: blue('approved'),
    blue_rejected: blue('rejected'),
    blue_lead_rejection_pct: percent(blue('rejected'), blue('approved') + blue('rejected')),
    excluded: unknown === 0 ? {} : { unknown_state: unknown },
  }
}

function trendOf(decided: number, inReview: number, validated: number, rate: number): string {
  if (decided === 0) return 'stable'
  if (inReview > validated) return 'declining'
  return rate >= 80 ? 'improving' : 'stable'
}

/** By round number, over every round of the tests. */
export function acceptance(rounds: readonly TestState[]): Record<string, unknown>[] {
  const numbers = [...new Set(rounds.map(({ round }) => round))].sort((a, b) => a - b)
  return numbers.map((round) => {
    const of = rounds.filter((state) => state.round === round)
    const validated = of.filter(({ state }) => state === 'validated').length
    const rejected = of.filter(({ state }) => state === 'rejected').length
    const decided = validated + rejected
    const acceptance_pct = decided === 0 ? null : (validated / decided) * 100
    return { round, validated, rejected, acceptance_pct }
  })
}

export function trend(
  chosen: readonly TestState[],
  atMs: number,
  days: number,
): Record<string, unknown>[] {
  const dayMs = 86_400_000
  const points: Record<string, unknown>[] = []
  for (let start = atMs - days * dayMs; start < atMs; start += 7 * dayMs) {
    points.push(trendPoint(chosen, start + 7 * dayMs))
  }
  return points
}

/** The 7 days that end at `endMs`, over the given states of the tests. */
export function trendPoint(chosen: readonly TestState[], endMs: number): Record<string, unknown> {
  const validated = chosen.filter(
    (test) =>
      test.state === 'validated' &&
      test.red_validated_at !== null &&
      test.red_validated_at <= endMs,
  )
  const detected = validated.filter((test) => test.detection_result === 'detected').length
  return {
    date: new Date(endMs - 7 * 86_400_000).toISOString(),
    detection_efficacy: percent(detected, validated.length),
    validated_tests: validated.length,
    detected_tests: detected,
  }
}

export function teams(chosen: readonly TestState[]): Record<string, unknown>[] {
  const red = chosen.filter((test) =>
    ['blue_evaluating', 'in_review', 'validated', 'rejected'].includes(test.state ?? ''),
  )
  const blue = chosen.filter((test) =>
    ['in_review', 'validated', 'rejected'].includes(test.state ?? ''),
  )
  const redNets = red.map((test) =>
    net(test.red_started_at, test.blue_started_at, test.red_paused_seconds),
  )
  const blueNets = blue.map((test) =>
    test.blue_started_at === null
      ? 0
      : net(
          test.blue_work_started_at ?? test.blue_started_at,
          test.blue_validated_at,
          test.blue_paused_seconds,
        ),
  )
  return [
    side(
      'blue_team',
      blueNets,
      blue.map((test) => test.blue_validation_status),
    ),
    side(
      'red_team',
      redNets,
      red.map((test) => test.red_validation_status),
    ),
  ]
}

function net(from: number | null, to: number | null, paused: number | null): number {
  return from === null || to === null ? 0 : to - from - 1000 * (paused ?? 0)
}

function side(
  team: string,
  nets: readonly number[],
  words: readonly (string | null)[],
): Record<string, unknown> {
  const times = nets.filter((ms) => ms > 0)
  const sum = times.reduce((total, ms) => total + ms, 0)
  const rejected = words.filter((word) => word === 'rejected').length
  const said = words.filter((word) => word === 'rejected' || word === 'approved').length
  return {
    team,
    tests_completed: nets.length,
    avg_completion_hours: times.length === 0 ? null : tenths(sum / (3_600_000 * times.length)),
    rejection_pct: said === 0 ? null : tenths((rejected / said) * 100),
  }
}
