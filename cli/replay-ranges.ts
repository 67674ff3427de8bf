/** What a replay may read: by time, below what the engine has finished, of the log that it reads. */

import type { Kafka } from 'kafkajs'
import { ConfigError } from '../core/error.ts'
import { parseMark } from '../processors/engine/intent.ts'
import type { ReplayRange } from '../processors/engine/replay.ts'
import { parseReplayMark, type ReplayMark } from '../processors/engine/replay-mark.ts'

export interface PartitionPlan {
  readonly range: ReplayRange
  /** What a replay that died left half done. */
  readonly unfinished: ReplayMark | null
  /** Records between `from` and the first one that Kafka still holds cannot be told; offsets can. */
  readonly expiredOffsets: number
}

export interface RangeOptions {
  readonly topic: string
  readonly groupId: string
  readonly replayGroupId: string
  /** Kafka times of records, epoch milliseconds; `toMs` is not included. */
  readonly fromMs: number
  readonly toMs: number
}

export async function planReplay(kafka: Kafka, options: RangeOptions): Promise<PartitionPlan[]> {
  const { topic, groupId, replayGroupId } = options
  const admin = kafka.admin()
  await admin.connect()
  try {
    const ask = (id: string) => admin.fetchOffsets({ groupId: id, topics: [topic] })
    const [bounds, from, to, [main], [own]] = await Promise.all([
      admin.fetchTopicOffsets(topic),
      admin.fetchTopicOffsetsByTimestamp(topic, options.fromMs),
      admin.fetchTopicOffsetsByTimestamp(topic, options.toMs),
      ask(groupId),
      ask(replayGroupId),
    ])
    const plans: PartitionPlan[] = []
    for (const { partition, low, high } of bounds) {
      const committed = main?.partitions.find((one) => one.partition === partition)
      const mark = parseMark(committed?.metadata ?? '')
      if (mark === null || committed === undefined) continue
      const unfinished = own?.partitions.find((one) => one.partition === partition)?.metadata
      const finished = mark.kind === 'intent' ? mark.first : Number(committed.offset)
      const at = (offsets: typeof from) =>
        Number(offsets.find((one) => one.partition === partition)?.offset ?? high)
      const first = Math.max(at(from), mark.start, Number(low))
      const end = Math.min(at(to), finished)
      plans.push({
        range: { topic, partition, log: mark.log, first, end: Math.max(first, end) },
        unfinished: parseReplayMark(unfinished ?? ''),
        expiredOffsets: Math.max(0, Number(low) - Math.max(mark.start, at(from))),
      })
    }
    return plans.sort((a, b) => a.range.partition - b.range.partition)
  } catch (cause) {
    if (cause instanceof Error && cause.message.includes('does not host this topic')) {
      throw new ConfigError('topics-missing', `Kafka has no topic ${topic}.`, { cause })
    }
    throw cause
  } finally {
    await admin.disconnect()
  }
}
