import type { Attack } from '../../../schemas/attack.ts'
import type { Row } from '../../../schemas/table.ts'
import { quantile, tenths } from './rounding.ts'

/** States and times of tests, worked out one update after the other from the raw rows. */

export type TestRow = Row<'test_events'>

const carried = [
  'exercise',
  'name',
  'procedure_id',
  'technique_id',
  'platform',
  'red_team',
  'blue_team',
  'hosts',
  'targets',
  'users',
] as const
const own = [
  'state',
  'executed',
  'outcome',
  'detection_result',
  'red_started_at',
  'red_ended_at',
  'red_paused_seconds',
  'blue_started_at',
  'blue_work_started_at',
  'blue_paused_seconds',
  'red_validation_status',
  'red_validated_at',
  'blue_validation_status',
  'blue_validated_at',
] as const

type Field = (typeof carried)[number] | (typeof own)[number]
export type TestState = {
  test_id: string
  round: number
  rounds: number
  created_at: number
  updated_at: number
} & { [Name in Field]: TestRow[Name] }

/** One row per test and round, in order, from the updates at or before `atMs`. */
export function testRounds(rows: readonly TestRow[], atMs: number): TestState[] {
  const states: TestState[] = []
  for (const updates of byTest(rows, atMs).values()) {
    const placed = placeInRounds(updates)
    const rounds = [...new Set(placed.map(({ round }) => round))].sort((a, b) => a - b)
    for (const round of rounds) states.push(stateOfRound(placed, round))
  }
  return states
}

export function latestRounds(states: readonly TestState[]): TestState[] {
  const latest = new Map<string, TestState>()
  for (const state of states) latest.set(state.test_id, state)
  return [...latest.values()]
}

function byTest(rows: readonly TestRow[], atMs: number): Map<string, TestRow[]> {
  const tests = new Map<string, TestRow[]>()
  const known = rows.filter((row) => row.event_time <= atMs)
  for (const row of known.toSorted(inOrder)) {
    tests.set(row.test_id, [...(tests.get(row.test_id) ?? []), row])
  }
  return tests
}

export function inOrder(
  a: Pick<TestRow, 'event_time' | 'record_time' | 'partition' | 'offset'>,
  b: Pick<TestRow, 'event_time' | 'record_time' | 'partition' | 'offset'>,
): number {
  return (
    a.event_time - b.event_time ||
    a.record_time - b.record_time ||
    a.partition - b.partition ||
    a.offset - b.offset
  )
}

interface Placed {
  readonly row: TestRow
  readonly round: number
}

function placeInRounds(updates: readonly TestRow[]): Placed[] {
  let current = 1
  return updates.map((row) => {
    current = Math.max(current, row.round ?? 1)
    return { row, round: row.round ?? current }
  })
}

function stateOfRound(placed: readonly Placed[], round: number): TestState {
  const upTo = placed.filter((update) => update.round <= round)
  const within = upTo.filter((update) => update.round === round)
  const [first] = within
  if (first === undefined) throw new Error('a round has updates')
  const fields: Record<string, unknown> = {}
  for (const name of carried) fields[name] = newest(upTo, name)
  for (const name of own) fields[name] = newest(within, name)
  // Checked: every field of both lists was set one line above.
  return {
    test_id: first.row.test_id,
    round,
    rounds: new Set(upTo.map((update) => update.round)).size,
    created_at: first.row.event_time,
    updated_at: Math.max(...upTo.map(({ row }) => row.event_time)),
    ...fields,
  } as TestState
}

function newest(updates: readonly Placed[], field: Field): TestRow[Field] {
  const isList = field === 'hosts' || field === 'targets' || field === 'users'
  let value: TestRow[Field] = isList ? [] : null
  for (const { row } of updates) {
    const given = row[field]
    if (row.cleared.includes(field)) value = isList ? [] : null
    else if (Array.isArray(given) ? given.length > 0 : given !== null) {
      value = given === '' ? null : given
    }
  }
  return value
}

export interface Selection {
  readonly from_s: number
  readonly to_s: number
  readonly exercise: string
  readonly technique_id: string
  readonly tactic: string
  readonly platform: string
  readonly team: string
}

export const everything: Selection = {
  from_s: 0,
  to_s: 4_102_444_800,
  exercise: '',
  technique_id: '',
  tactic: '',
  platform: '',
  team: '',
}

export function isSelected(state: TestState, asked: Selection, attack: Attack): boolean {
  const begun = (state.red_started_at ?? state.created_at) / 1000
  const technique = state.technique_id ?? ''
  const tactics = attack.technique(technique)?.tactics ?? []
  return (
    begun >= asked.from_s &&
    begun < asked.to_s &&
    (asked.exercise === '' || state.exercise === asked.exercise) &&
    ['', technique, technique.slice(0, 5)].includes(asked.technique_id) &&
    (asked.tactic === '' || tactics.includes(asked.tactic)) &&
    ['', state.platform?.toLowerCase()].includes(asked.platform.toLowerCase()) &&
    ['', state.red_team, state.blue_team].includes(asked.team)
  )
}

export interface Times {
  readonly mean_hours: number | null
  readonly median_hours: number | null
  readonly min_hours: number | null
  readonly max_hours: number | null
  readonly sample_size: number
  readonly p50_hours: number | null
  readonly p90_hours: number | null
  readonly p95_hours: number | null
  readonly excluded: Readonly<Record<string, number>>
}

const knownStates = [
  'draft',
  'red_executing',
  'blue_evaluating',
  'in_review',
  'validated',
  'rejected',
]

export function isKnownState(state: TestState): boolean {
  return state.state === null || knownStates.includes(state.state)
}

/** Net milliseconds of one test, or why it has none. */
function netOf(state: TestState, metric: 'mttd' | 'mttr'): number | string {
  if (!isKnownState(state)) return 'unknown_state'
  if (metric === 'mttr' && state.state !== 'validated') return 'not_validated'
  if (state.red_started_at === null) return 'no_red_start'
  const ended = metric === 'mttd' ? state.blue_started_at : state.blue_validated_at
  if (ended === null) return metric === 'mttd' ? 'no_blue_start' : 'no_blue_validation'
  const bluePause = metric === 'mttr' ? (state.blue_paused_seconds ?? 0) : 0
  const paused = 1000 * ((state.red_paused_seconds ?? 0) + bluePause)
  const net = ended - state.red_started_at - paused
  return net > 0 ? net : 'not_positive'
}

/** null: it has none. */
export function netHours(state: TestState, metric: 'mttd' | 'mttr'): number | null {
  const net = netOf(state, metric)
  return typeof net === 'number' ? net / 3_600_000 : null
}

export function times(states: readonly TestState[], metric: 'mttd' | 'mttr'): Times {
  const nets: number[] = []
  const excluded: Record<string, number> = {}
  for (const state of states) {
    const net = netOf(state, metric)
    if (typeof net === 'number') nets.push(net)
    else excluded[net] = (excluded[net] ?? 0) + 1
  }
  const hours = nets.map((net) => net / 3_600_000).sort((a, b) => a - b)
  const [min] = hours
  const [median, max] = [hours[Math.floor(hours.length / 2)], hours.at(-1)]
  if (min === undefined || median === undefined || max === undefined) {
    const none = { mean_hours: null, median_hours: null, min_hours: null, max_hours: null }
    const noQuantiles = { p50_hours: null, p90_hours: null, p95_hours: null }
    return { ...none, ...noQuantiles, sample_size: 0, excluded }
  }
  return {
    mean_hours: tenths(nets.reduce((sum, net) => sum + net, 0) / (3_600_000 * nets.length)),
    median_hours: tenths(median),
    min_hours: tenths(min),
    max_hours: tenths(max),
    sample_size: hours.length,
    p50_hours: quantile(hours, 0.5),
    p90_hours: quantile(hours, 0.9),
    p95_hours: quantile(hours, 0.95),
    excluded,
  }
}
