import type { Row } from '../../../schemas/table.ts'
import type { TagRow } from '../tag-histories.ts'
import type { AlertState } from './alerts.ts'
import { isKnownState, type TestState } from './tests.ts'

/** What was really seen of tests, one signal at a time (T7, T8). */

const dayMs = 86_400_000
const slackMs = 60_000

interface Signal {
  readonly kind: 'tag' | 'alert'
  readonly id: string
  readonly atMs: number
  readonly techniques: readonly string[]
  readonly machines: readonly string[]
  readonly ingestedMs: number
  readonly taggedMs: number
  readonly raisedMs: number
  readonly acknowledgedMs: number | null
}

export interface Seen {
  readonly test_id: string
  readonly round: number
  readonly excluded_reason: string | null
  readonly hits: number
  readonly alerts: number
  readonly is_parent_match_only: boolean
  readonly baseline_signals: number
  readonly is_coincidental: boolean
  readonly hit_seconds: number | null
  readonly ingested_seconds: number | null
  readonly tagged_seconds: number | null
  readonly alerted_seconds: number | null
  readonly acknowledged_seconds: number | null
  readonly validated_seconds: number | null
  readonly detected_seconds: number | null
  readonly censored_seconds: number | null
  readonly miss_reason: string | null
  readonly disagreement: string | null
}

export interface Observations {
  readonly atMs: number
  /** Every round of every test. */
  readonly rounds: readonly TestState[]
  readonly tags: readonly TagRow[]
  readonly alerts: readonly AlertState[]
  readonly commands: readonly Row<'commands'>[]
}

export function observe(world: Observations, chosen: readonly TestState[]): Seen[] {
  const signals = signalsOf(world)
  const runs = world.rounds.filter((test) => isRun(test, world.atMs))
  const goesTo = new Map(signals.map((signal) => [signal, latestRun(signal, runs)]))
  return chosen.map((test) => seenOf(test, world, signals, goesTo))
}

/** Lower case, without the domain; addresses whole. */
function machineOf(host: string): string {
  const name = host.toLowerCase()
  return /^[\d.]+$/.test(name) ? name : (name.split('.')[0] ?? name)
}

function machinesOf(hosts: readonly string[]): string[] {
  return [...new Set(hosts.map(machineOf))]
}

function isRun(test: TestState, atMs: number): boolean {
  return (
    test.technique_id !== null &&
    test.red_started_at !== null &&
    test.red_started_at <= atMs &&
    test.hosts.length + test.targets.length > 0
  )
}

function signalsOf({ tags, alerts, atMs }: Observations): Signal[] {
  const fromTags = tags
    .filter((tag) => tag.host !== '' && tag.event_time <= atMs)
    .map(
      (tag): Signal => ({
        kind: 'tag',
        id: tag.tag_id,
        atMs: tag.event_time,
        techniques: [tag.sub_technique_id || tag.technique_id],
        machines: [machineOf(tag.host)],
        ingestedMs: tag.ingest_time,
        taggedMs: tag.tagged_time,
        raisedMs: 0,
        acknowledgedMs: null,
      }),
    )
  const fromAlerts = alerts.map(
    (alert): Signal => ({
      kind: 'alert',
      id: alert.alert_id,
      atMs: alert.event_time,
      techniques: alert.technique_ids,
      machines: machinesOf(alert.hosts),
      ingestedMs: 0,
      taggedMs: 0,
      raisedMs: alert.raised_at,
      acknowledgedMs: alert.acknowledged_at,
    }),
  )
  return [...fromTags, ...fromAlerts]
}

function isSameMachine(signal: Signal, test: TestState): boolean {
  const machines = machinesOf([...test.hosts, ...test.targets])
  return signal.machines.some((machine) => machines.includes(machine))
}

/** Equal, or one the parent of the other. */
function isMet(signal: Signal, test: TestState): boolean {
  const id = test.technique_id ?? ''
  return signal.techniques.some(
    (other) => other === id || other === id.slice(0, 5) || other.slice(0, 5) === id,
  )
}

function isExact(signal: Signal, test: TestState): boolean {
  return signal.techniques.includes(test.technique_id ?? '')
}

function isWithin(signal: Signal, test: TestState): boolean {
  const after = signal.atMs - (test.red_started_at ?? 0)
  return after >= -slackMs && after <= dayMs
}

function latestRun(signal: Signal, runs: readonly TestState[]): TestState | undefined {
  return runs
    .filter((run) => isSameMachine(signal, run) && isMet(signal, run) && isWithin(signal, run))
    .toSorted(
      (a, b) =>
        (a.red_started_at ?? 0) - (b.red_started_at ?? 0) ||
        Number(isExact(signal, a)) - Number(isExact(signal, b)) ||
        (a.test_id < b.test_id ? -1 : a.test_id > b.test_id ? 1 : 0) ||
        a.round - b.round,
    )
    .at(-1)
}

function seenOf(
  test: TestState,
  world: Observations,
  signals: readonly Signal[],
  goesTo: ReadonlyMap<Signal, TestState | undefined>,
): Seen {
  const start = test.red_started_at ?? 0
  const excluded = exclusionOf(test, world.atMs)
  const around = excluded === null ? signals.filter((signal) => isSameMachine(signal, test)) : []
  const own = around.filter((signal) => {
    const run = goesTo.get(signal)
    return run?.test_id === test.test_id && run.round === test.round
  })
  const hits = own.filter(({ kind }) => kind === 'tag')
  const alerts = own.filter(({ kind }) => kind === 'alert')
  const baseline = around.filter((signal) => {
    const before = start - signal.atMs
    const isBefore = before > slackMs && before <= 7 * dayMs
    return isBefore && isMet(signal, test) && goesTo.get(signal) === undefined
  })
  const seconds = (times: readonly (number | null)[]) => {
    const known = times.filter((ms): ms is number => ms !== null)
    return known.length === 0 ? null : Math.max(0, Math.min(...known) - start) / 1000
  }
  const hit = seconds(hits.map(({ atMs }) => atMs))
  const alerted = seconds(alerts.map(({ raisedMs }) => raisedMs))
  const first = [hit, alerted].filter((value): value is number => value !== null)
  const earliest = first.length === 0 ? null : Math.min(...first)
  const detected = earliest !== null && earliest <= 86_400 ? earliest : null
  const others = around.filter(
    (signal) => signal.kind === 'alert' && isWithin(signal, test) && !own.includes(signal),
  )
  return {
    test_id: test.test_id,
    round: test.round,
    excluded_reason: excluded,
    hits: hits.length,
    alerts: alerts.length,
    is_parent_match_only: own.length > 0 && !own.some((signal) => isExact(signal, test)),
    baseline_signals: baseline.length,
    is_coincidental: baseline.length > 0,
    hit_seconds: hit,
    ingested_seconds: seconds(hits.map(({ ingestedMs }) => ingestedMs)),
    tagged_seconds: seconds(hits.map(({ taggedMs }) => taggedMs)),
    alerted_seconds: alerted,
    acknowledged_seconds: seconds(alerts.map(({ acknowledgedMs }) => acknowledgedMs)),
    validated_seconds: excluded === null ? seconds([test.blue_validated_at]) : null,
    detected_seconds: detected,
    censored_seconds: excluded === null ? Math.min(86_400, (world.atMs - start) / 1000) : null,
    miss_reason:
      excluded !== null || alerts.length > 0
        ? null
        : hits.length > 0
          ? 'rule_matched_no_alert'
          : others.length > 0
            ? 'alert_wrong_technique'
            : hasEvents(test, world)
              ? 'no_rule_matched'
              : 'no_events',
    disagreement: excluded === null ? disagreementOf(test, detected !== null) : null,
  }
}

function exclusionOf(test: TestState, atMs: number): string | null {
  if (!isKnownState(test)) return 'unknown_state'
  if (test.red_started_at === null || test.red_started_at > atMs) return 'not_begun'
  if (test.technique_id === null) return 'no_technique'
  return test.hosts.length + test.targets.length === 0 ? 'no_machine' : null
}

function hasEvents(test: TestState, { commands, atMs }: Observations): boolean {
  const machines = machinesOf([...test.hosts, ...test.targets])
  const start = test.red_started_at ?? 0
  return commands.some(
    ({ host, event_time }) =>
      event_time <= atMs &&
      event_time >= start - slackMs &&
      event_time <= start + dayMs &&
      host !== '' &&
      machines.includes(machineOf(host)),
  )
}

function disagreementOf(test: TestState, isDetected: boolean): string | null {
  const said = test.detection_result ?? ''
  if (['detected', 'partially_detected'].includes(said) && !isDetected) return 'said_detected'
  return said === 'not_detected' && isDetected ? 'said_missed' : null
}

export interface Stage {
  readonly tests: number
  readonly reached: number
  readonly reached_share: number | null
  readonly p50_seconds: number | null
  readonly p90_seconds: number | null
  readonly p95_seconds: number | null
}

/** Kaplan-Meier over one stage: those not reached within the horizon are censored at it. */
export function survival(seen: readonly Seen[], stage: keyof Seen): Stage {
  const counted = seen.filter((one) => one.excluded_reason === null)
  const observed = counted.map((one) => {
    const value = one[stage]
    return typeof value === 'number' && value <= 86_400
      ? { seconds: value, isReached: true }
      : { seconds: one.censored_seconds ?? 0, isReached: false }
  })
  const reached = observed.filter(({ isReached }) => isReached)
  const times = [...new Set(reached.map(({ seconds }) => seconds))].sort((a, b) => a - b)
  const quantile = (share: number) => {
    let left = 1
    for (const time of times) {
      const atRisk = observed.filter(({ seconds }) => seconds >= time).length
      const now = reached.filter(({ seconds }) => seconds === time).length
      left *= 1 - now / atRisk
      if (left <= 1 - share + 1e-9) return time
    }
    return null
  }
  return {
    tests: observed.length,
    reached: reached.length,
    reached_share: observed.length === 0 ? null : reached.length / observed.length,
    p50_seconds: quantile(0.5),
    p90_seconds: quantile(0.9),
    p95_seconds: quantile(0.95),
  }
}
