import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Parameter } from '../core/clickhouse.ts'
import { openViewsDatabase, type ViewsDatabase } from './views/database.ts'
import { isoTime, load } from './views/load.ts'
import {
  entityAt,
  eventRanges,
  keptEvents,
  letterOf,
  membershipsAt,
  mergesAt,
  ruleStates,
} from './views/oracle/stored.ts'
import {
  letterInstants,
  machines,
  recordInstants,
  sampleEvents,
  sampleLetters,
  sampleRuleStates,
} from './views/record-histories.ts'
import { printSeed, seed } from './views/seed.ts'
import { sampleActors, tagsDay0 } from './views/tag-histories.ts'

/** What is read as it was written, against a search of the rows one by one. */

const rules = 200
const actors = sampleActors(seed, 60)
const states = sampleRuleStates(seed, rules)
const stored = sampleEvents(seed, 400)
const letters = sampleLetters(seed, 300)
const instants = fc.sample(recordInstants, { seed, numRuns: 40 })
const spans = spansOf(instants)
const letterSpans = spansOf(fc.sample(letterInstants, { seed, numRuns: 40 }))

/** The first with the last, and so on. */
function spansOf(times: readonly number[]) {
  return times.slice(0, times.length / 2).map((one, index) => {
    const other = times.at(-1 - index) ?? 0
    return { from_s: Math.min(one, other) / 1000, to_s: Math.max(one, other) / 1000 }
  })
}

let database: ViewsDatabase

beforeAll(async () => {
  printSeed('views of records')
  database = await openViewsDatabase()
  await load(database, 'catalog_events', [...actors, ...states], { blocks: 3 })
  await load(database, 'commands', stored.commands, { blocks: 2 })
  await load(database, 'alert_events', stored.alerts, { blocks: 2 })
  await load(database, 'tags', stored.tags, { blocks: 2 })
  await load(database, 'dead_letters', letters, { blocks: 2 })
}, 60_000)
afterAll(() => database.close())

type Found = Record<string, unknown>

async function read(view: string, parameters: Readonly<Record<string, Parameter>> = {}) {
  return database.views.select<Found>(view, parameters)
}

function sorted(rows: readonly Found[]): readonly string[] {
  return rows.map((row) => JSON.stringify(Object.entries(row).sort())).sort()
}

test('states of a rule come newest first, and its record as it was last', async () => {
  for (const [index, atMs] of instants.entries()) {
    const rule_id = `state-${(index * 7) % rules}`
    const at_s = atMs / 1000
    const message = `${rule_id} ${isoTime(atMs)}`
    expect(await read('rule_state_history', { rule_id, at_s }), message).toEqual(
      ruleStates(states, rule_id, atMs),
    )
    const asked = { kind: 'rule_state', id: rule_id }
    expect(await read('catalog_entity', { ...asked, at_s }), message).toEqual(
      entityAt(states, asked.kind, asked.id, atMs),
    )
  }
})

test.each([
  ['merge_state', mergesAt],
  ['membership_state', membershipsAt],
] as const)('%s is what was last told of each, and by whom', async (view, oracle) => {
  let rows = 0
  for (let quarter = -2; quarter <= 18; quarter += 2) {
    const atMs = tagsDay0 + (quarter * 86_400_000) / 4
    const expected = oracle(actors, atMs)
    expect(sorted(await read(view, { at_s: atMs / 1000 })), isoTime(atMs)).toEqual(sorted(expected))
    rows += expected.length
  }
  expect(rows).toBeGreaterThan(10)
})

test('events of machines are found by short name, those that a rule tagged first', async () => {
  const named = fc.sample(machines, { seed, numRuns: spans.length })
  let rows = 0
  for (const [index, span] of spans.entries()) {
    const asked = { machines: named[index] ?? [], ...span }
    const message = JSON.stringify(asked)
    expect(sorted(await read('event_ranges', asked)), message).toEqual(
      sorted(eventRanges(stored, asked)),
    )
    const kept = { ...asked, rule_id: 'r1', limit_rows: index % 2 === 0 ? 10 : 1000 }
    const expected = keptEvents(stored, kept)
    expect(await read('kept_events', kept), message).toEqual(expected)
    rows += expected.length
  }
  expect(rows).toBeGreaterThan(50)
})

test('dead letters are listed by when they were taken in, and found by position', async () => {
  for (const [index, span] of letterSpans.entries()) {
    const [topic, code] = [['', 'ttp.alerts'][index % 2] ?? '', ['', '', 'too-large'][index % 3]]
    const within = letters
      .filter(({ ingest_time }) => ingest_time >= span.from_s * 1000)
      .filter(({ ingest_time }) => ingest_time < span.to_s * 1000)
      .filter((row) => ['', row.topic].includes(topic) && ['', row.code].includes(code ?? ''))
    const asked = { ...span, topic, code: code ?? '', limit_rows: 1000 }
    const listed = await read('dead_letter_list', asked)
    expect(sorted(listed), JSON.stringify(asked)).toEqual(sorted(within.map(letterOf)))
    const times = listed.map((row) => String(row['ingest_time']))
    expect(times).toEqual(times.toSorted().reverse())
    expect(await read('dead_letter_list', { ...asked, limit_rows: 3 })).toHaveLength(
      Math.min(3, within.length),
    )
    const at = { topic: 'ttp.alerts', partition: index % 2, position: index }
    const there = letters
      .filter((row) => row.topic === at.topic && row.partition === at.partition)
      .filter((row) => row.offset <= index && row.last_offset >= index)
    expect(sorted(await read('dead_letter_at', at))).toEqual(sorted(there.map(letterOf)))
  }
  const shown = letters.map(letterOf).map((row) => {
    const { log: _, value_sha256: _sha, head: _head, replayable: _can, ...told } = row
    return told
  })
  expect(sorted(await read('v1_dead_letters'))).toEqual(sorted(shown))
})
