import { systemClock } from '../../core/clock.ts'
import { type Config, readConfig } from '../../core/config.ts'
import { ConfigError } from '../../core/error.ts'
import { createLog, silentLog } from '../../core/log.ts'
import { systemRandom } from '../../core/random.ts'
import { KafkaSink } from '../../processors/engine/kafka-sink.ts'
import { type RecordRange, readRange } from '../../processors/engine/range-reader.ts'
import {
  newReplayCounts,
  type ReplayCounts,
  replayPartition,
} from '../../processors/engine/replay.ts'
import { ClickHouseStore } from '../../processors/engine/store.ts'
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

export const replay: Command = {
  name: 'replay',
  summary:
    'Match old records with the rules of today; write the tags, and what correlations count, that are missing.',
  options: {
    topic: { type: 'string', value: 'TOPIC', doc: 'Topic in: commands, alerts or tests.' },
    from: { type: 'string', value: 'TIME', default: '1d', doc: 'Records since; a time or an age.' },
    to: { type: 'string', value: 'TIME', default: '0s', doc: 'Records before; a time or an age.' },
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
    const isDryRun = args.options['dry-run'] === true
    const counts = await replayAll(config, { kafka, processor, plans, isDryRun, io })
    const isJson = args.options['json'] === true
    io.out(isJson ? `${jsonOf(counts, plans, isDryRun)}\n` : tableOf(counts, plans, isDryRun))
    return 0
  },
}

interface Work {
  readonly kafka: ReturnType<typeof createKafka>
  readonly processor: Processor
  readonly plans: readonly PartitionPlan[]
  readonly isDryRun: boolean
  readonly io: Io
}

async function replayAll(config: Config, work: Work): Promise<ReplayCounts> {
  const { kafka, processor, plans, isDryRun, io } = work
  const { rules, erasures } = await rulesOfToday(kafka, config)
  const clickhouse = createClickHouse(config)
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
        ...{ views, sink, processor, rules, erasures, isDryRun, signal: io.signal },
        store: new ClickHouseStore(clickhouse),
        publish: createPublisher(config),
        clock: systemClock,
        log: createLog('warn'),
        read: (some: RecordRange, take: Parameters<typeof readRange>[3]) =>
          readRange(kafka, some, reader, take),
        onProgress: (next: number, { written }: ReplayCounts) =>
          io.err(
            `${range.topic}:${range.partition}: ${next - range.first} of ${range.end - range.first} offsets, ${written} tags\n`,
          ),
      }
      add(total, await replayPartition(parts, range, unfinished))
    }
    return total
  } finally {
    await Promise.all([sink.close(), clickhouse.close(), views.close()])
  }
}

function processorOf(config: Config, topic: string): Processor {
  const processor = createProcessors(config).get(topic)
  if (processor !== undefined && topic !== config.text('TTPSTREAM_TOPIC_CATALOG')) return processor
  const topics = ['COMMANDS', 'ALERTS', 'TESTS'] as const
  const known = topics.map((name) => config.text(`TTPSTREAM_TOPIC_${name}`)).join(', ')
  throw new ConfigError('bad-arguments', `--topic is "${topic}"; rules read ${known}.`)
}

function add(total: ReplayCounts, part: ReplayCounts): void {
  for (const name of [
    'records',
    'events',
    'tags',
    'held',
    'erased',
    'written',
    'matches',
  ] as const) {
    total[name] += part[name]
  }
  for (const [rule, count] of part.writtenByRule) {
    total.writtenByRule.set(rule, (total.writtenByRule.get(rule) ?? 0) + count)
  }
}

function jsonOf(counts: ReplayCounts, plans: readonly PartitionPlan[], isDryRun: boolean): string {
  const { writtenByRule, ...rest } = counts
  const ranges = plans.map(({ range, expiredOffsets }) => ({ ...range, expired: expiredOffsets }))
  const written_by_rule = Object.fromEntries(writtenByRule)
  return JSON.stringify({ ...rest, written_by_rule, ranges, dry_run: isDryRun })
}

function tableOf(counts: ReplayCounts, plans: readonly PartitionPlan[], isDryRun: boolean): string {
  const expired = plans.reduce((sum, plan) => sum + plan.expiredOffsets, 0)
  const rules = [...counts.writtenByRule].sort(([, a], [, b]) => b - a)
  const lines = [
    `${counts.records} records, ${counts.events} events, ${counts.tags} tags by the rules of today`,
    `${counts.held} whose record and rule have a tag already`,
    `${counts.erased} about somebody who was erased`,
    `${counts.written} ${isDryRun ? 'would be written' : 'written'}`,
    ...(counts.matches > 0 ? [`${counts.matches} matches for correlations to count`] : []),
    ...(expired > 0 ? [`${expired} offsets have expired in Kafka and were not read`] : []),
    ...rules
      .slice(0, rulesShownMax)
      .map(([rule, count]) => `  ${String(count).padStart(8)}  ${rule}`),
    ...(rules.length > rulesShownMax ? [`  … and ${rules.length - rulesShownMax} more rules`] : []),
  ]
  return `${lines.join('\n')}\n`
}
