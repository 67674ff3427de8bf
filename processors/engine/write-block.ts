/**
 * Writes one block: facts, dead letters, tags, publish, progress, in this order. Every insert carries
 * a token of the block's range and the rows depend on nothing but intent and records, so that doing
 * it again, here or elsewhere, changes nothing.
 */

import { monotonicMs } from '../../core/clock.ts'
import { assert } from '../../core/error.ts'
import type { Lease, RecordSink } from '../../core/kafka.ts'
import type { Log } from '../../core/log.ts'
import type { Metrics } from '../../core/metrics.ts'
import { inSpan, noSpan, type Span, type SpanAttributes, type Tracer } from '../../core/trace.ts'
import type { Row, TableName } from '../../schemas/table.ts'
import type { DropReason, Outcome, Publish, Rows } from '../processor.ts'
import { type Block, type BlockRange, tokenOf } from './block.ts'
import type { Failpoint } from './failpoint.ts'
import type { Intent } from './intent.ts'
import { splitReports } from './missing.ts'
import { retryTransient } from './retry.ts'
import type { Store } from './store.ts'

/** Rows one insert may hold, so that it stays one part. */
export const rowsMax = 50_000

export interface BlockWriter {
  readonly store: Store
  readonly sink: RecordSink
  readonly publish: Publish
  readonly metrics: Metrics
  readonly tracer: Tracer
  readonly log: Log
  readonly failpoint: Failpoint
  readonly onTrouble: (reason: string | null) => void
  /** Told of each block once it is finished, with its intent's time. */
  readonly onFinished?: (outcome: Outcome, timeMs: number) => void
}

export interface Writing {
  readonly isRecovered?: boolean
  /** The block's, whose steps are its children. */
  readonly span?: Span
  /** Called before the last insert. */
  readonly beforeLast?: (() => void) | undefined
}

/**
 * `isRecovered`: another may have begun the block, and an insert of theirs may come through as late as
 * ours, which ClickHouse then drops. What is published and counted is read back after the inserts.
 */
export async function writeBlock(
  writer: BlockWriter,
  lease: Lease,
  block: Block,
  intent: Intent,
  outcome: Outcome,
  { isRecovered = false, span = noSpan, beforeLast }: Writing = {},
): Promise<void> {
  const { store, sink, publish, failpoint } = writer
  const { rows } = outcome
  const retry = (what: string, count: number, work: () => Promise<void>): Promise<void> => {
    const options = { lease, what, log: writer.log, onTrouble: trouble(writer, what) }
    const step = { name: what, attributes: { 'ttpstream.rows': count } }
    return timed(writer.metrics, span, step, () => retryTransient(options, work))
  }
  const insert = async <Name extends TableName>(
    name: Name,
    of: readonly Row<Name>[],
    part: string = name,
  ) => {
    const token = tokenOf(intent.log, block, part)
    await retry(`insert ${name}`, of.length, () => store.insert(name, of, token))
  }
  for (const name of factTables) {
    const of = rows[name]
    if (of !== undefined && of.length > 0) await insert(name, of)
  }
  failpoint('facts')
  const { letters, reports } = splitReports(rows.dead_letters)
  await insert('dead_letters', letters)
  for (const report of reports) {
    await insert('dead_letters', [report], `${report.code}:${report.last_offset}`)
  }
  failpoint('dead-letters')
  await insert('rule_matches', rows.rule_matches ?? [])
  await insert('tags', rows.tags ?? [])
  failpoint('tags')
  const durable = isRecovered ? await publishedRows(writer, lease, block, intent, outcome) : outcome
  const out = publish(durable.rows)
  if (out.length > 0) await retry('publish', out.length, () => sink.send(out))
  failpoint('publish')
  const progress = progressRow(block, intent, durable)
  span.set({ 'ttpstream.tags': progress.tags })
  beforeLast?.()
  await insert('ingest_progress', [progress])
  failpoint('progress')
  countBlock(writer.metrics, progress, durable)
  writer.onFinished?.(durable, intent.time)
}

interface Step {
  readonly name: string
  readonly attributes?: SpanAttributes
}

/** How long one step of a block took: in the metric, and as a child of the block's span. */
export async function timed(
  metrics: Metrics,
  span: Span,
  { name, attributes }: Step,
  work: () => Promise<void>,
): Promise<void> {
  const begunMs = monotonicMs()
  await inSpan(span.start(name, attributes), work)
  const seconds = (monotonicMs() - begunMs) / 1000
  metrics.observe('ttpstream_block_step_seconds', { step: name }, seconds)
}

/**
 * The outcome of a recovered block: a table that holds rows of its range keeps them, whatever the
 * rules say today; only what is absent is computed. So no table mixes two revisions.
 *
 * What `compute` reports as missing is reported, but where it was reported before or nothing of it is
 * missing: tags come last, so a block that has tags was stored whole.
 */
export async function reconcile(
  writer: BlockWriter,
  lease: Lease,
  range: BlockRange & { readonly count: number },
  compute: () => Outcome,
): Promise<Outcome> {
  const computed = compute()
  const held: Record<string, unknown> = {}
  let isWhole = false
  for (const name of [...factTables, 'rule_matches', 'tags'] as const) {
    const rows = await readBack(writer, lease, name, range)
    held[name] = rows.length > 0 ? rows : (computed.rows[name] ?? [])
    if (name === 'tags') isWhole = rows.length > 0
  }
  const stored = splitReports(await readBack(writer, lease, 'dead_letters', range))
  const own = splitReports(computed.rows.dead_letters)
  const letters = stored.letters.length > 0 ? stored.letters : own.letters
  const reports = isWhole ? [] : own.reports.flatMap((report) => beyond(stored.reports, report))
  // Checked: each member is the rows of its own table, read back or computed.
  const rows: Rows = {
    ...(held as Rows),
    dead_letters: [...stored.reports, ...reports, ...letters],
  }
  const events = factTables.reduce((sum, name) => sum + (rows[name]?.length ?? 0), 0)
  // A tombstone that is gone was one: of a block that is stored whole all other records are known.
  const dead = letters.filter(({ records }) => records > 0).length
  const isKnown = isWhole && own.reports.length > 0
  const deletions = isKnown ? range.count - events - dead : computed.deletions
  return { ...computed, rows, events, deletions }
}

/** The part of a report that earlier ones have not reported. */
function beyond(
  earlier: readonly Row<'dead_letters'>[],
  report: Row<'dead_letters'>,
): Row<'dead_letters'>[] {
  const offset = Math.max(report.offset, ...earlier.map(({ last_offset }) => last_offset + 1))
  if (offset > report.last_offset) return []
  return [{ ...report, offset, records: report.last_offset - offset + 1 }]
}

function readBack<Name extends TableName>(
  writer: BlockWriter,
  lease: Lease,
  name: Name,
  range: BlockRange,
): Promise<Row<Name>[]> {
  const what = `read back ${name}`
  return retryTransient({ lease, what, log: writer.log, onTrouble: trouble(writer, what) }, () =>
    writer.store.rowsOf(name, range),
  )
}

/** The outcome with those rows of `tags` and `dead_letters` that the tables hold. */
async function publishedRows(
  writer: BlockWriter,
  lease: Lease,
  { topic, partition, first, last }: Block,
  { log }: Intent,
  outcome: Outcome,
): Promise<Outcome> {
  const range = { log, topic, partition, first, last }
  const dead_letters = await readBack(writer, lease, 'dead_letters', range)
  const tags = await readBack(writer, lease, 'tags', range)
  return { ...outcome, rows: { ...outcome.rows, dead_letters, tags } }
}

const factTables = ['commands', 'alert_events', 'test_events', 'catalog_events'] as const

function progressRow(block: Block, intent: Intent, outcome: Outcome): Row<'ingest_progress'> {
  const records = intent.count
  const { events, deletions, rows, dropped } = outcome
  assert(events + deletions <= records, `block ${block.first}: more events than records`)
  return {
    log: intent.log,
    topic: block.topic,
    partition: block.partition,
    offset: block.first,
    ingest_time: intent.time,
    last_offset: block.last,
    store: intent.store,
    revision: intent.revision,
    crc: intent.crc,
    records,
    events,
    dead_letters: records - events - deletions,
    deletions,
    tags: rows.tags?.length ?? 0,
    dropped: droppedJson(dropped),
  }
}

function droppedJson(dropped: Readonly<Partial<Record<DropReason, number>>>): string {
  return JSON.stringify(
    Object.fromEntries(Object.entries(dropped).filter(([, count]) => count > 0)),
  )
}

function trouble(writer: BlockWriter, what: string): (reason: string | null) => void {
  return (reason) => {
    if (reason !== null) writer.metrics.count('ttpstream_retries_total', { what })
    writer.onTrouble(reason)
  }
}

function countBlock(
  metrics: Metrics,
  progress: Row<'ingest_progress'>,
  { rows, dropped }: Outcome,
): void {
  const { topic, partition } = progress
  const labels = { topic, partition }
  metrics.count('ttpstream_blocks_total', labels)
  metrics.observe('ttpstream_block_records', { topic }, progress.records)
  metrics.count('ttpstream_records_total', labels, progress.records)
  metrics.count('ttpstream_events_total', labels, progress.events)
  metrics.count('ttpstream_deletions_total', labels, progress.deletions)
  metrics.count('ttpstream_tags_total', labels, progress.tags)
  for (const [reason, count] of Object.entries(dropped)) {
    metrics.count('ttpstream_tags_dropped_total', { topic, reason }, count)
  }
  for (const { code } of rows.dead_letters ?? []) {
    metrics.count('ttpstream_dead_letters_total', { topic, code })
  }
}
