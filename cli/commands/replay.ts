import { systemClock } from '../../core/clock.ts'
import { type Config, readConfig } from '../../core/config.ts'
import { ConfigError } from '../../core/error.ts'
import { createLog, silentLog } from '../../core/log.ts'
import { systemRandom } from '../../core/random.ts'
import { minuteMs } from '../../core/units.ts'
import { KafkaSink } from '../../processors/engine/kafka-sink.ts'
import { type RecordRange, readRange } from '../../processors/engine/range-reader.ts'
import { replayPartition } from '../../processors/engine/replay.ts'
import {
  addReplayCounts,
  newReplayCounts,
  type ReplayCounts,
} from '../../processors/engine/replay-counts.ts'
import { ClickHouseStore } from '../../processors/engine/store.ts'
import { ClickHouseTagVersions } from '../../processors/engine/tag-versions.ts'
import type { Processor } from '../../processors/processor.ts'
import { createClickHouse } from '../clickhouse.ts'
import { type Command, type Io, textOption } from '../command.ts'
import { createKafka } from '../kafka.ts'
import { createProcessors, createPublisher } from '../processors.ts'
import { type PartitionPlan, planReplay } from '../replay-ranges.ts'
import { rulesOfToday } from '../rules-in-force.ts'
import { parseTimeOption } from '../time-option.ts'
import { createViews } from '../views.ts'

const rulesShownMax = 20
/** A change of a large table takes its time; ClickHouse finishes it in any case. */
const changeMsMax = 60 * minuteMs

export const replay: Command = {
  name: 'replay',
  summary:
    'Match old records with the rules of today; write the tags, and what correlations count, that are missing.',
  options: {
    topic: { type: 'string', value: 'TOPIC', doc: 'Topic in: commands, alerts or tests.' },
    from: { type: 'string', value: 'TIME', default: '1d', doc: 'Records since; a time or an age.' },
    to: { type: 'string', value: 'TIME', default: '0s', doc: 'Records before; a time or an age.' },
    retag: {
      type: 'boolean',
      doc: 'Put the tags of today’s rules in the place of those of older versions.',
    },
    'dry-run': { type: 'boolean', doc: 'Only count what would be written.' },
    json: { type: 'boolean', doc: 'The counts as JSON.' },
  },
  async run(args, io) {
    const config = readConfig()
    const topic = textOption(replay, args, 'topic') || config.text('TTPSTREAM_TOPIC_COMMANDS')
    const processor = processorOf(config, topic)
    const groupId = config.text('TTPSTREAM_KAFKA_GROUP')
    const kafka = createKafka(config, silentLog)
    const plans = await planReplay(kafka, {
      topic,
      groupId,
      replayGroupId: `${groupId}-replay`,
      fromMs: parseTimeOption('from', textOption(replay, args, 'from')),
      toMs: parseTimeOption('to', textOption(replay, args, 'to')),
    })
    if (plans.length === 0) {
      const why = `The group ${groupId} has finished nothing of ${topic}: there is nothing to replay.`
      throw new ConfigError('nothing-finished', why)
    }
    const modes = {
      isDryRun: args.options['dry-run'] === true,
      isRetag: args.options['retag'] === true,
    }
    const counts = await replayAll(config, { kafka, processor, plans, io, ...modes })
    const isJson = args.options['json'] === true
    io.out(isJson ? `${jsonOf(counts, plans, modes)}\n` : tableOf(counts, plans, modes))
    return 0
  },
}

interface Modes {
  readonly isDryRun: boolean
  readonly isRetag: boolean
}

interface Work extends Modes {
  readonly kafka: ReturnType<typeof createKafka>
  readonly processor: Processor
  readonly plans: readonly PartitionPlan[]
  readonly io: Io
}

async function replayAll(config: Config, work: Work): Promise<ReplayCounts> {
  const { kafka, processor, plans, isDryRun, isRetag, io } = work
  const { rules, erasures } = await rulesOfToday(kafka, config)
  const clickhouse = createClickHouse(config)
  const changing = createClickHouse(config, { requestMs: changeMsMax })
  const versions = new ClickHouseTagVersions(changing)
  const views = createViews(config)
  const sink = new KafkaSink(kafka)
  const group = `${config.text('TTPSTREAM_KAFKA_GROUP')}-replay`
  const reader = {
    groupId: isDryRun ? `${group}-${systemRandom.uuid()}` : group,
    isAlone: true,
    batchBytesMax: config.count('TTPSTREAM_BATCH_BYTES_MAX'),
    signal: io.signal,
  }
  const total = newReplayCounts()
  try {
    for (const { range, unfinished } of plans) {
      const parts = {
        ...{ views, sink, processor, rules, erasures, isDryRun, isRetag, signal: io.signal },
        ...{ store: new ClickHouseStore(clickhouse), versions },
        publish: createPublisher(config),
        clock: systemClock,
        log: createLog('warn'),
        read: (some: RecordRange, take: Parameters<typeof readRange>[3]) =>
          readRange(kafka, some, reader, take),
        onProgress: (next: number, counts: ReplayCounts) =>
          io.err(`${progressOf(range, next, counts, isRetag)}\n`),
      }
      addReplayCounts(total, await replayPartition(parts, range, unfinished))
    }
    const isChanged = isRetag || plans.some(({ unfinished }) => unfinished?.retag === true)
    if (isChanged && !isDryRun) await versions.tidy()
    return total
  } finally {
    await Promise.all([sink.close(), clickhouse.close(), changing.close(), views.close()])
  }
}

function processorOf(config: Config, topic: string): Processor {
  const processor = createProcessors(config).get(topic)
  if (processor !== undefined && topic !== config.text('TTPSTREAM_TOPIC_CATALOG')) return processor
  const topics = ['COMMANDS', 'ALERTS', 'TESTS'] as const
  const known = topics.map((name) => config.text(`TTPSTREAM_TOPIC_${name}`)).join(', ')
  throw new ConfigError('bad-arguments', `--topic is "${topic}"; rules read ${known}.`)
}

function progressOf(
  { topic, partition, first, end }: PartitionPlan['range'],
  next: number,
  { written, superseded }: ReplayCounts,
  isRetag: boolean,
): string {
  const done = `${topic}:${partition}: ${next - first} of ${end - first} offsets, ${written} tags`
  return isRetag ? `${done}, ${superseded} superseded` : done
}

function jsonOf(counts: ReplayCounts, plans: readonly PartitionPlan[], modes: Modes): string {
  const { writtenByRule, supersededByRule, ...rest } = counts
  const ranges = plans.map(({ range, expiredOffsets }) => ({ ...range, expired: expiredOffsets }))
  const written_by_rule = Object.fromEntries(writtenByRule)
  const superseded_by_rule = Object.fromEntries(supersededByRule)
  const mode = { retag: modes.isRetag, dry_run: modes.isDryRun }
  return JSON.stringify({ ...rest, written_by_rule, superseded_by_rule, ranges, ...mode })
}

function tableOf(counts: ReplayCounts, plans: readonly PartitionPlan[], modes: Modes): string {
  const expired = plans.reduce((sum, plan) => sum + plan.expiredOffsets, 0)
  const would = modes.isDryRun ? 'would be ' : ''
  const held = modes.isRetag
    ? 'that are there in the version of today'
    : 'whose record and rule have a tag already'
  const lines = [
    `${counts.records} records, ${counts.events} events, ${counts.tags} tags by the rules of today`,
    `${counts.held} ${held}`,
    `${counts.erased} about somebody who was erased`,
    `${counts.written} ${would}written`,
    ...byRule(counts.writtenByRule),
    ...(modes.isRetag ? [`${counts.superseded} of other versions ${would}superseded`] : []),
    ...byRule(counts.supersededByRule),
    ...(counts.reinstated > 0 ? [`${counts.reinstated} ${would}reinstated`] : []),
    ...(counts.matches > 0 ? [`${counts.matches} matches for correlations to count`] : []),
    ...(expired > 0 ? [`${expired} offsets have expired in Kafka and were not read`] : []),
  ]
  return `${lines.join('\n')}\n`
}

function byRule(counts: ReadonlyMap<string, number>): string[] {
  const rules = [...counts].sort(([, a], [, b]) => b - a)
  const more = rules.length - rulesShownMax
  return [
    ...rules
      .slice(0, rulesShownMax)
      .map(([rule, count]) => `  ${String(count).padStart(8)}  ${rule}`),
    ...(more > 0 ? [`  … and ${more} more rules`] : []),
  ]
}
