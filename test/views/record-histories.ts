import fc from 'fast-check'
import type { Row } from '../../schemas/table.ts'
import { type AlertRow, alertRow } from './alert-histories.ts'
import { catalogDay0, halfDayMs } from './catalog-histories.ts'
import type { CatalogRow, Change } from './catalog-rows.ts'
import { commandRow } from './command-row.ts'
import { type TagRow, tagRow } from './tag-histories.ts'
import { takenInBlocks } from './taken-in-blocks.ts'

/** Random records that are asked for as they were written: states of rules, events of machines, dead letters. */

/** Events and letters end some months after they were taken in: that is in years to come. */
const laterMs = Date.UTC(2040, 0, 1) - catalogDay0
const at = fc.integer({ min: 0, max: 20 }).map((step) => catalogDay0 + step * 10 * halfDayMs)

export const recordInstants = fc
  .tuple(at, fc.constantFrom(-1, 0, 1, halfDayMs))
  .map(([ms, beside]) => ms + beside)

const ruleState = fc
  .record({
    event_time: at,
    op: fc.constantFrom('put', 'put', 'put', 'delete'),
    state: fc.constantFrom('disabled', 'enabled', 'shadow', 'clipped'),
    confidence_max: fc.constantFrom(0.25, 0.5),
    lasts: fc.constantFrom(undefined, 3, 30),
    reason: fc.constantFrom(undefined, 'too loud'),
    actor: fc.constantFrom('jane', 'joe'),
  })
  .map(({ event_time, op, actor, state, lasts, confidence_max, reason }) => {
    if (op === 'delete') return { op, event_time, actor } as const
    const ends = lasts === undefined ? {} : { expires_at: iso(event_time + lasts * 10 * halfDayMs) }
    const ceiling = state === 'clipped' ? { confidence_max } : {}
    return { event_time, actor, entity: { state, reason, ...ceiling, ...ends } }
  })

function iso(ms: number): string {
  return new Date(ms).toISOString()
}

/** Of rules `state-0`, `state-1` and so on. */
export function sampleRuleStates(seed: number, rules: number): CatalogRow[] {
  const history = fc.array(ruleState, { minLength: 1, maxLength: 6 })
  const changes = fc
    .sample(history, { seed, numRuns: rules })
    .flatMap((states, key) =>
      states.map((told): Change => ({ kind: 'rule_state', id: `state-${key}`, ...told })),
    )
  return takenInBlocks(changes, { seed, firstOffset: 10_000, repeatEvery: 6, blockRows: 100 })
}

const hosts = ['WS1.corp', 'ws1', 'Ws10', '10.0.0.7', '10.0.0.70', 'fe80::1', '.hidden', '']
export const machines = fc.subarray(['ws1', 'ws10', '10.0.0.7', 'fe80::1', '.hidden', 'none'], {
  minLength: 1,
  maxLength: 3,
})
const event = fc.record({
  event_time: at,
  partition: fc.constantFrom(0, 1),
  log: fc.constantFrom('l1', 'l2'),
  host: fc.constantFrom(...hosts),
  alertHosts: fc.subarray(['ws1', 'ws1.corp', '10.0.0.7']),
  raw: fc.constantFrom('', '{"a":1}'),
  taggedBy: fc.constantFrom(undefined, undefined, 'r1', 'r2'),
  /** Else the tag is of a record that had the same place in a topic of before. */
  isItself: fc.constantFrom(true, true, false),
})

export interface StoredEvents {
  readonly commands: readonly Row<'commands'>[]
  readonly alerts: readonly AlertRow[]
  readonly tags: readonly TagRow[]
}

export function sampleEvents(seed: number, count: number): StoredEvents {
  const events = fc.sample(event, { seed, numRuns: count })
  const place = ({ event_time, partition, log }: (typeof events)[number], offset: number) => {
    return { event_time, record_time: event_time + 1, partition, log, offset }
  }
  return {
    commands: events.map((one, offset) =>
      commandRow({
        ...place(one, offset),
        ingest_time: one.event_time + laterMs,
        host: one.host,
        raw: one.raw,
      }),
    ),
    alerts: events.map((one, offset) =>
      alertRow({
        ...place(one, offset + count),
        alert_id: `stored-${offset}`,
        hosts: one.alertHosts,
        raw: one.raw,
      }),
    ),
    tags: events.flatMap((one, offset) => {
      if (one.taggedBy === undefined) return []
      const { event_time, partition } = one
      const log = one.isItself ? one.log : 'l0'
      const ofAlert = offset % 2 === 0
      return [
        tagRow({
          ...{ event_time, partition, log, rule_id: one.taggedBy },
          topic: ofAlert ? 'ttp.alerts' : 'ttp.commands',
          offset: ofAlert ? offset + count : offset,
        }),
      ]
    }),
  }
}

export type LetterRow = Row<'dead_letters'>

export const letterInstants = recordInstants.map((ms) => ms + laterMs)

const letter = fc.record({
  ingest_time: at.map((ms) => ms + laterMs),
  partition: fc.constantFrom(0, 1),
  offset: fc.integer({ min: 0, max: 30 }),
  length: fc.constantFrom(0, 0, 0, 5),
  topic: fc.constantFrom('ttp.commands', 'ttp.alerts'),
  code: fc.constantFrom('invalid-json', 'too-large', 'batch-corrupt'),
  value_sha256: fc.constantFrom('', 'ab'),
  value_bytes: fc.integer({ min: 0, max: 9 }),
})

export function sampleLetters(seed: number, count: number): LetterRow[] {
  return fc.sample(letter, { seed, numRuns: count }).map(({ length, ...one }, index) => ({
    ...one,
    log: 'l1',
    record_time: one.ingest_time - 1,
    last_offset: one.offset + length,
    records: length + 1,
    reason: `fault ${index}`,
    head: '{',
  }))
}
