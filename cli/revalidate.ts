/**
 * Finds the events of the tests that fallen validations rest on, and replays them: first those whose
 * records are kept in ClickHouse, then the test's whole time from the log, or files that are given.
 */

import type { Kafka } from 'kafkajs'
import type { Views } from '../core/clickhouse.ts'
import { systemClock } from '../core/clock.ts'
import type { Config } from '../core/config.ts'
import { ConfigError } from '../core/error.ts'
import type { LogRecord } from '../core/kafka.ts'
import { systemRandom } from '../core/random.ts'
import { readRange } from '../processors/engine/range-reader.ts'
import type { Processor } from '../processors/processor.ts'
import {
  type RevalidationDue,
  revisionOf,
  shows,
  type TestWindow,
  tagsOf,
  windowOf,
} from '../processors/revalidation.ts'
import type { Rule } from '../rules/rule.ts'
import type { Row } from '../schemas/table.ts'
import { readLines } from './recordings.ts'
import { type PartitionPlan, planReplay } from './replay-ranges.ts'

export interface Revalidation {
  readonly due: RevalidationDue
  readonly outcome: 'detected' | 'not_detected' | 'not_replayed'
  /** As it is loaded here; null if it is not. */
  readonly rule: Rule | null
  /** Events that were replayed. */
  readonly events: number
  /** Tags that show the technique in the test. */
  readonly shown: readonly Row<'tags'>[]
  /** What the events were read from; of `not_replayed` why they were not. */
  readonly note: string
}

export interface RevalidationParts {
  readonly config: Config
  readonly kafka: Kafka
  readonly views: Views
  /** By topic. */
  readonly processors: ReadonlyMap<string, Processor>
  readonly rules: readonly Rule[]
  /** Records instead of those that are stored. */
  readonly files: readonly string[]
  readonly signal: AbortSignal
}

const keptRowsMax = 20_000

export async function revalidate(
  parts: RevalidationParts,
  dues: readonly RevalidationDue[],
): Promise<readonly Revalidation[]> {
  const byId = new Map(parts.rules.map((rule) => [rule.id, rule]))
  const results: Revalidation[] = []
  for (const due of dues) {
    const rule = byId.get(due.rule_id) ?? null
    const why = whyNot(due, rule, parts.files.length > 0)
    if (rule === null || why !== null) {
      results.push({ due, rule, outcome: 'not_replayed', events: 0, shown: [], note: why ?? '' })
    } else results.push(await replayed(parts, due, rule))
  }
  return results
}

function whyNot(due: RevalidationDue, rule: Rule | null, hasFiles: boolean): string | null {
  if (rule === null) return 'the rule is not among those loaded here'
  if (rule.logicHash !== due.logic_hash) {
    return `version ${rule.version} is not in the catalog yet: no engine that publishes assets has loaded it`
  }
  const others = due.causes.filter((cause) => cause !== 'rule_changed')
  if (others.length > 0) return `also voided by ${others.join(', ')}: a replay cannot mend that`
  if (due.test_id === '') {
    return hasFiles ? null : 'the validation names no test: give its events with --events'
  }
  if (due.started_at === null) return `test ${due.test_id} is not known, or has not begun`
  return due.machines.length === 0 ? `test ${due.test_id} names no machine` : null
}

interface Found {
  events: number
  tags: readonly Row<'tags'>[]
  note: string
}

async function replayed(
  parts: RevalidationParts,
  due: RevalidationDue,
  rule: Rule,
): Promise<Revalidation> {
  const window = windowOf(due)
  const ways =
    parts.files.length > 0 || window === null
      ? [() => fromFiles(parts, rule)]
      : [() => fromTables(parts, rule, due, window), () => fromLog(parts, rule, due, window)]
  let events = 0
  let note = ''
  for (const way of ways) {
    const found = await way()
    const shown = found.tags.filter((tag) => shows(tag, due))
    events = Math.max(events, found.events)
    note = found.note
    if (shown.length > 0) {
      return { due, rule, outcome: 'detected', events: found.events, shown, note }
    }
  }
  const outcome = events === 0 ? 'not_replayed' : 'not_detected'
  return { due, rule, outcome, events, shown: [], note }
}

interface KeptEvent {
  readonly log: string
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly record_time: string
  readonly raw: string
}

async function fromTables(
  { views, processors }: RevalidationParts,
  rule: Rule,
  due: RevalidationDue,
  window: TestWindow,
): Promise<Found> {
  const rows = await views.select<KeptEvent>('kept_events', {
    rule_id: rule.id,
    ...asked(due, window),
    limit_rows: keptRowsMax,
  })
  const revision = revisionOf(rule)
  const tags = rows.flatMap(({ log, topic, partition, offset, record_time, raw }) => {
    const processor = processors.get(topic)
    if (processor === undefined) return []
    const record = recordOf(raw, offset, Date.parse(record_time))
    return tagsOf(processor, revision, { log, topic, partition, timeMs: systemClock.now() }, [
      record,
    ])
  })
  return { events: rows.length, tags, note: 'records kept in ClickHouse' }
}

interface EventRange {
  readonly log: string
  readonly topic: string
  readonly partition: number
  readonly first: number
  readonly last: number
  readonly events: number
}

async function fromLog(
  parts: RevalidationParts,
  rule: Rule,
  due: RevalidationDue,
  window: TestWindow,
): Promise<Found> {
  const { views, processors, kafka, config, signal } = parts
  const ranges = await views.select<EventRange>('event_ranges', asked(due, window))
  const total = ranges.reduce((sum, { events }) => sum + events, 0)
  if (total === 0) {
    return { events: 0, tags: [], note: 'no event of its machines in that time is stored any more' }
  }
  const revision = revisionOf(rule)
  const tags: Row<'tags'>[] = []
  let records = 0
  let gone = 0
  for (const { log, topic, partition, first, last, events } of ranges) {
    const processor = processors.get(topic)
    const plan = (await held(kafka, config, topic)).find(({ range }) => {
      return range.partition === partition && range.log === log
    })
    const begin = Math.max(first, plan?.range.first ?? Number.POSITIVE_INFINITY)
    if (processor === undefined || plan === undefined || begin > last) {
      gone += events
      continue
    }
    const reader = {
      groupId: `${config.text('TTPSTREAM_KAFKA_GROUP')}-revalidate-${systemRandom.uuid()}`,
      batchBytesMax: config.count('TTPSTREAM_BATCH_BYTES_MAX'),
      signal,
    }
    await readRange(
      kafka,
      { topic, partition, first: begin, end: last + 1 },
      reader,
      async (of) => {
        records += of.length
        const at = { log, topic, partition, timeMs: systemClock.now() }
        tags.push(...tagsOf(processor, revision, at, of))
      },
    )
  }
  const missing = gone > 0 ? `; ${gone} of its events have expired in Kafka` : ''
  const note = records === 0 ? `its ${total} events have expired in Kafka` : `the log${missing}`
  return { events: records, tags, note }
}

/** What of a topic the engine has finished and Kafka still holds. */
async function held(
  kafka: Kafka,
  config: Config,
  topic: string,
): Promise<readonly PartitionPlan[]> {
  const groupId = config.text('TTPSTREAM_KAFKA_GROUP')
  const range = { fromMs: 0, toMs: systemClock.now() }
  return planReplay(kafka, { topic, groupId, replayGroupId: groupId, ...range })
}

async function fromFiles(
  { config, processors, files }: RevalidationParts,
  rule: Rule,
): Promise<Found> {
  const topic = config.text('TTPSTREAM_TOPIC_COMMANDS')
  const processor = processors.get(topic)
  if (processor === undefined) throw new ConfigError('no-topic', `Nothing reads ${topic}.`)
  const timeMs = systemClock.now()
  const revision = revisionOf(rule)
  const tags: Row<'tags'>[] = []
  let events = 0
  for (const file of files) {
    const records = readLines(file).map((line, offset) => recordOf(line, offset, timeMs))
    events += records.length
    tags.push(...tagsOf(processor, revision, { log: file, topic, partition: 0, timeMs }, records))
  }
  return { events, tags, note: files.join(', ') }
}

function asked({ machines }: RevalidationDue, { fromMs, toMs }: TestWindow) {
  return { machines, from_s: fromMs / 1000, to_s: toMs / 1000 }
}

function recordOf(json: string, offset: number, timestampMs: number): LogRecord {
  return { offset, timestampMs, key: null, value: Buffer.from(json) }
}
