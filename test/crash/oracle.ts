/**
 * What must be true after a crash case, worked out from the log itself: every record of every topic
 * became exactly one row, dead letter or deletion; every block's tags come from one version of the
 * rule and are exactly those it gives; blocks cover each partition without a hole or an overlap;
 * every materialized view holds what it would hold had all rows come in one insert; what was
 * published is what is stored, distinct by id.
 *
 * It shares no code with the engine. Returns the differences as sentences; none means it holds.
 */

import type { ClickHouseClient } from '@clickhouse/client'
import type { Kafka } from 'kafkajs'
import { type CaseTopics, fateOf, techniqueOf } from './load.ts'
import type { LogRequest } from './log-reader.ts'
import { inThread } from './thread.ts'

export interface LogEntry {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  /** Its producer's clock. */
  readonly timeMs: number
}

/**
 * Reads topics from their first record to their end. Nobody writes to them in transactions and nothing
 * compacts them, so no offset between may be missing: a reading with a hole is no log to judge by. It is
 * thrown, with what a second reading holds there.
 */
export async function readLog(kafka: Kafka, topics: readonly string[]): Promise<LogEntry[]> {
  const entries = await readOnce(kafka, topics)
  const holes = holesOf(entries)
  if (holes.length === 0) return entries
  const again = new Set(holesOf(await readOnce(kafka, topics)))
  const told = holes.map(
    (hole) => `${hole} (${again.has(hole) ? 'nor' : 'but'} in a second reading)`,
  )
  throw new Error(`the log was read without ${told.join(', ')}`)
}

/** Ranges between two records of a partition, as `topic:partition:first-last`. */
function holesOf(entries: readonly LogEntry[]): string[] {
  const holes: string[] = []
  for (const [partition, all] of byPartition(entries)) {
    for (const [index, { offset }] of all.entries()) {
      const expected = (all[index - 1]?.offset ?? offset - 1) + 1
      if (offset > expected) holes.push(`${partition}:${expected}-${offset - 1}`)
    }
  }
  return holes
}

async function readOnce(kafka: Kafka, topics: readonly string[]): Promise<LogEntry[]> {
  const admin = kafka.admin()
  await admin.connect()
  const ends = new Map<string, number>()
  for (const topic of topics) {
    for (const { partition, low, high } of await admin.fetchTopicOffsets(topic)) {
      if (Number(high) > Number(low)) ends.set(`${topic}:${partition}`, Number(high))
    }
  }
  const { brokers } = await admin.describeCluster()
  await admin.disconnect()
  if (ends.size === 0) return []
  const request: LogRequest = {
    brokers: brokers.map(({ host, port }) => `${host}:${port}`),
    ends,
    topics,
  }
  // Checked: that is what the thread posts.
  return (await inThread(new URL('./log-reader.ts', import.meta.url), request)) as LogEntry[]
}

export function readLogIn(
  kafka: Kafka,
  { commands, alerts, tests, catalog }: CaseTopics,
): Promise<LogEntry[]> {
  return readLog(kafka, [commands, alerts, tests, catalog])
}

/** `log`: what is in the topics that go in, where the caller has read it. */
export async function differences(
  kafka: Kafka,
  clickhouse: ClickHouseClient,
  topics: CaseTopics,
  log?: readonly LogEntry[],
): Promise<string[]> {
  const found: string[] = []
  log ??= await readLogIn(kafka, topics)
  const rows = <T>(query: string): Promise<T[]> => select<T>(clickhouse, query)
  await compareFacts(found, rows, log, topics)
  await compareBlocks(found, rows, log)
  await compareRuleRows(found, rows, log, topics)
  await comparePublished(
    found,
    rows,
    await readLog(kafka, [topics.tags, topics.deadLetters]),
    topics,
  )
  await compareViews(found, rows, clickhouse)
  return found
}

type Rows = <T>(query: string) => Promise<T[]>

export interface Position {
  readonly topic: string
  readonly partition: number
  readonly offset: number
}

export function place({ topic, partition, offset }: Position): string {
  return `${topic}:${partition}:${offset}`
}

async function compareFacts(
  found: string[],
  rows: Rows,
  log: readonly LogEntry[],
  topics: CaseTopics,
): Promise<void> {
  const tables = new Map([
    [topics.commands, 'commands'],
    [topics.alerts, 'alert_events'],
    [topics.tests, 'test_events'],
    [topics.catalog, 'catalog_events'],
  ])
  for (const [topic, table] of tables) {
    const of = log.filter((entry) => entry.topic === topic)
    const events = of.filter(({ value }) => fateOf(value) === 'event').map(place)
    const held = await rows<Position>(`SELECT topic, partition, offset FROM ${table}`)
    compareLists(found, table, events, held.map(place))
  }
  const dead = log.filter(({ value }) => fateOf(value) === 'dead-letter').map(place)
  const letters = await rows<Position>('SELECT topic, partition, offset FROM dead_letters')
  compareLists(found, 'dead_letters', dead, letters.map(place))
}

export interface BlockRow extends Position {
  readonly last_offset: number
  readonly log: string
  readonly records: number
  readonly events: number
  readonly dead_letters: number
  readonly deletions: number
  readonly tags: number
}

async function compareBlocks(found: string[], rows: Rows, log: readonly LogEntry[]): Promise<void> {
  const blocks = await rows<BlockRow>(
    'SELECT * FROM ingest_progress ORDER BY topic, partition, offset, last_offset',
  )
  const next = new Map<string, number>()
  const partitions = byPartition(log)
  for (const block of blocks) {
    const key = `${block.topic}:${block.partition}`
    const expected = next.get(key) ?? 0
    if (block.offset !== expected) found.push(`block ${place(block)} should begin at ${expected}`)
    next.set(key, block.last_offset + 1)
    const inside = within(partitions.get(key), block)
    const sum = block.events + block.dead_letters + block.deletions
    if (block.records !== inside.length || sum !== block.records) {
      found.push(
        `block ${place(block)}: ${inside.length} records, counted ${block.records} = ${sum}`,
      )
    }
  }
  for (const entry of log) {
    if (entry.offset >= (next.get(`${entry.topic}:${entry.partition}`) ?? 0)) {
      found.push(`${place(entry)} lies in no finished block`)
    }
  }
}

interface RuleRow extends Position {
  readonly rule_version: string
}

/**
 * In each block the rows of a table come from one version of the rule and are those that it gives. A
 * block that was begun under one version and finished under another may have one table by each.
 */
async function compareRuleRows(
  found: string[],
  rows: Rows,
  log: readonly LogEntry[],
  topics: CaseTopics,
): Promise<void> {
  const blocks = await rows<BlockRow>('SELECT * FROM ingest_progress')
  const partitions = byPartition(log)
  const tables = new Map([
    ['tags', byPartition(await rows<RuleRow>(ruleRows('tags')))],
    ['rule_matches', byPartition(await rows<RuleRow>(ruleRows('rule_matches')))],
  ])
  const techniques = await rows<Position & { technique_id: string }>(
    'SELECT topic, partition, offset, technique_id FROM tags',
  )
  const techniqueAt = new Map(techniques.map((tag) => [place(tag), tag.technique_id]))
  for (const block of blocks.filter(({ topic }) => topic === topics.commands)) {
    const key = `${block.topic}:${block.partition}`
    const events = within(partitions.get(key), block).filter(
      ({ value }) => value !== null && fateOf(value) === 'event',
    )
    for (const [table, all] of tables) {
      const held = within(all.get(key), block)
      const versions = new Set(held.map(({ rule_version }) => Number(rule_version.split('~')[0])))
      const what = `${table} of ${place(block)}`
      if (versions.size > 1) found.push(`${what} mix rule versions`)
      const version = [...versions][0] ?? 1
      const expected = events.flatMap((entry) => {
        const technique = techniqueOf(version, entry.value ?? new Uint8Array())
        return technique === null ? [] : [[place(entry), technique] as const]
      })
      compareLists(
        found,
        what,
        expected.map(([at]) => at),
        held.map(place),
      )
      if (table !== 'tags') continue
      const wrong = expected.filter(([at, technique]) => techniqueAt.get(at) !== technique)
      if (wrong.length > 0) found.push(`${what}: ${wrong.length} of another technique`)
    }
  }
}

function ruleRows(table: string): string {
  return `SELECT topic, partition, offset, rule_version FROM ${table} WHERE rule_id = 'crash.word'`
}

/** In offset order, by `topic:partition`. */
function byPartition<At extends Position>(all: readonly At[]): Map<string, At[]> {
  const found = new Map<string, At[]>()
  for (const at of all) {
    const key = `${at.topic}:${at.partition}`
    const held = found.get(key)
    if (held === undefined) found.set(key, [at])
    else held.push(at)
  }
  for (const held of found.values()) held.sort((a, b) => a.offset - b.offset)
  return found
}

/** Those of a block's range. */
function within<At extends Position>(sorted: readonly At[] = [], block: BlockRow): At[] {
  let [from, to] = [0, sorted.length]
  while (from < to) {
    const middle = (from + to) >> 1
    if ((sorted[middle]?.offset ?? 0) < block.offset) from = middle + 1
    else to = middle
  }
  const found: At[] = []
  for (let at = from; at < sorted.length; at += 1) {
    const one = sorted[at]
    if (one === undefined || one.offset > block.last_offset) break
    found.push(one)
  }
  return found
}

async function comparePublished(
  found: string[],
  rows: Rows,
  out: readonly LogEntry[],
  topics: CaseTopics,
): Promise<void> {
  const parsed = (topic: string): Record<string, unknown>[] =>
    out
      .filter((entry) => entry.topic === topic)
      .map((entry) => JSON.parse(Buffer.from(entry.value ?? []).toString('utf8')))
  // Distinct: a producer that repeats a record repeats its id, and so its tags' ids.
  const tags = await rows<{ tag_id: string }>(
    'SELECT DISTINCT toString(tag_id) AS tag_id FROM tags',
  )
  const published = new Set(parsed(topics.tags).map((tag) => String(tag['tag_id'])))
  compareLists(
    found,
    'published tags',
    tags.map(({ tag_id }) => tag_id),
    [...published],
  )
  const letters = await rows<Position>('SELECT topic, partition, offset FROM dead_letters')
  const sent = new Set(
    parsed(topics.deadLetters).map(
      (letter) => `${letter['topic']}:${letter['partition']}:${letter['offset']}`,
    ),
  )
  compareLists(found, 'published dead letters', letters.map(place), [...sent])
}

/** Every view target against the same tables filled anew by one insert each. */
async function compareViews(
  found: string[],
  rows: Rows,
  clickhouse: ClickHouseClient,
): Promise<void> {
  const views = await rows<{ target: string }>(`
    SELECT extract(create_table_query, ' TO (?:\`?\\w+\`?\\.)?\`?(\\w+)') AS target
    FROM system.tables
    WHERE database = currentDatabase() AND engine = 'MaterializedView'
      AND position(create_table_query, ' REFRESH ') = 0`)
  const [{ name } = { name: '' }] = await rows<{ name: string }>('SELECT currentDatabase() AS name')
  const clean = `${name}_clean`
  for (const table of [
    'commands',
    'alert_events',
    'test_events',
    'catalog_events',
    'rule_matches',
    'tags',
    'dead_letters',
    'ingest_progress',
  ]) {
    await clickhouse.command({
      query: `INSERT INTO ${clean}.${table} SELECT * FROM ${name}.${table}`,
    })
  }
  for (const target of new Set(views.map((view) => view.target).filter((table) => table !== ''))) {
    const columns = await rows<{ name: string; type: string }>(
      `SELECT name, type FROM system.columns WHERE database = '${name}' AND table = '${target}'`,
    )
    const list = columns
      .map((column) =>
        column.type.startsWith('AggregateFunction')
          ? `finalizeAggregation(${column.name})`
          : column.name,
      )
      .join(', ')
    const sum = async (database: string) => {
      await clickhouse.command({ query: `OPTIMIZE TABLE ${database}.${target} FINAL` })
      const [row] = await rows<{ sum: string; rows: number }>(
        `SELECT toString(groupBitXor(hash)) AS sum, count() AS rows
         FROM (SELECT cityHash64(${list}) AS hash FROM ${database}.${target})`,
      )
      return `${row?.rows} rows, ${row?.sum}`
    }
    const [held, expected] = [await sum(name), await sum(clean)]
    if (held !== expected) found.push(`view target ${target}: ${held}, should be ${expected}`)
  }
  await compareSpans(found, rows)
}

/** What each block has brought about in spans, against all of its table looked at once. */
async function compareSpans(found: string[], rows: Rows): Promise<void> {
  const sum = async (columns: string, spans: string) => {
    const [row] = await rows<{ sum: string; rows: number }>(
      // As a text: with a null in it a hash is null.
      `SELECT toString(groupBitXor(cityHash64(toString(tuple(${columns}))))) AS sum, count() AS rows FROM ${spans}`,
    )
    return `${row?.rows} rows, ${row?.sum}`
  }
  for (const [spans, columns, folded] of [
    ['validation_spans', '* EXCEPT (generation)', 'assets = [], generation = 0'],
    ['test_spans', '*', 'tests = [], part = 0, parts = 1'],
  ] as const) {
    const held = await sum(columns, `${spans} FINAL`)
    const expected = await sum(columns, `${spans}_folded(${folded})`)
    if (held !== expected) found.push(`${spans}: ${held}, should be ${expected}`)
  }
}

export function compareLists(
  found: string[],
  what: string,
  expected: readonly string[],
  actual: readonly string[],
): void {
  const left = new Map<string, number>()
  for (const item of expected) left.set(item, (left.get(item) ?? 0) + 1)
  for (const item of actual) left.set(item, (left.get(item) ?? 0) - 1)
  const lost = [...left].filter(([, count]) => count > 0).map(([item]) => item)
  const extra = [...left].filter(([, count]) => count < 0).map(([item]) => item)
  if (lost.length > 0) found.push(`${what}: ${lost.length} lost, first ${lost[0]}`)
  if (extra.length > 0) found.push(`${what}: ${extra.length} too many, first ${extra[0]}`)
}

export async function select<T>(clickhouse: ClickHouseClient, query: string): Promise<T[]> {
  const answer = await clickhouse.query({
    query,
    format: 'JSONEachRow',
    clickhouse_settings: { output_format_json_quote_64bit_integers: 0 },
  })
  return answer.json<T>()
}
