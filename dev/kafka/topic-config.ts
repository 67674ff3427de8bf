/**
 * The topic settings a client may give in CreateTopics. Those with a meaning here take effect; the
 * others are kept and shown, so that scripts written for Apache Kafka run.
 */
import type { PartitionLimits } from './log/partition.ts'

export type TopicConfigs = Readonly<Record<string, string>>

/** The name and, where it has one here, what its number bounds. */
const meanings: Readonly<Record<string, keyof PartitionLimits | null>> = {
  'retention.ms': 'retentionMs',
  'retention.bytes': 'retentionBytes',
  'segment.bytes': 'segmentBytes',
  'max.message.bytes': 'messageBytesMax',
  'message.timestamp.after.max.ms': 'timestampAheadMsMax',
  'cleanup.policy': null,
  'compression.type': null,
  'delete.retention.ms': null,
  'file.delete.delay.ms': null,
  'flush.messages': null,
  'flush.ms': null,
  'index.interval.bytes': null,
  'max.compaction.lag.ms': null,
  'message.timestamp.before.max.ms': null,
  'message.timestamp.type': null,
  'min.cleanable.dirty.ratio': null,
  'min.compaction.lag.ms': null,
  'min.insync.replicas': null,
  preallocate: null,
  'segment.index.bytes': null,
  'segment.jitter.ms': null,
  'segment.ms': null,
  'unclean.leader.election.enable': null,
}

/** What is wrong with them; null where nothing is. */
export function problemOfConfigs(configs: TopicConfigs): string | null {
  for (const [name, value] of Object.entries(configs)) {
    const meaning = Object.hasOwn(meanings, name) ? meanings[name] : undefined
    if (meaning === undefined) return `Unknown topic config name: ${name}`
    if (meaning !== null && !/^(-1|\d{1,15})$/.test(value)) {
      return `Invalid value ${value} for configuration ${name}: not a number`
    }
  }
  return null
}

/** -1 stands for "no limit", as it does in Kafka. */
export function limitsOf(configs: TopicConfigs, defaults: PartitionLimits): PartitionLimits {
  const given: Partial<Record<keyof PartitionLimits, number>> = {}
  for (const [name, value] of Object.entries(configs)) {
    const meaning = meanings[name]
    if (meaning) given[meaning] = value === '-1' ? Number.POSITIVE_INFINITY : Number(value)
  }
  return { ...defaults, ...given }
}

/** Every setting with a meaning here, for DescribeConfigs. */
export function describeConfigs(
  configs: TopicConfigs,
  defaults: PartitionLimits,
): { readonly name: string; readonly value: string; readonly isDefault: boolean }[] {
  const described = Object.entries(meanings).flatMap(([name, meaning]) => {
    const given = configs[name]
    if (given !== undefined) return [{ name, value: given, isDefault: false }]
    if (meaning === null) return []
    const value = defaults[meaning]
    return [{ name, value: Number.isFinite(value) ? String(value) : '-1', isDefault: true }]
  })
  return described
}
