/**
 * OffsetFetch (9), versions 1-5: what a group has committed; offset -1 where it has not.
 *
 *     Request => group: STRING [topic: STRING [partition: INT32]] (null in 2+: all there is)
 *     Response => throttle_ms: INT32 (3+)
 *                 [topic: STRING [partition: INT32 offset: INT64 leader_epoch: INT32 (5)
 *                                 metadata: NULLABLE_STRING error: INT16]]
 *                 error: INT16 (2+)
 */
import type { Groups } from '../group/groups.ts'
import { errorCode } from '../wire/error-code.ts'
import { Writer } from '../wire/writer.ts'
import { defineApi, type TopicPartitions, writeTopics } from './api.ts'

export const offsetFetch = defineApi({
  key: 9,
  name: 'OffsetFetch',
  minVersion: 1,
  maxVersion: 5,
  decode: (reader) => ({
    groupId: reader.string(),
    topics: reader.nullableArray(() => ({
      topic: reader.string(),
      partitions: reader.array(() => reader.int32()),
    })),
  }),
  answer({ groupId, topics }, version, { broker }) {
    const writer = new Writer()
    if (version >= 3) writer.int32(0)
    const { groups } = broker
    const wanted = topics ?? everyPartition(groups, groupId)
    const named = wanted.map(({ topic, partitions }) => ({
      topic,
      partitions: partitions.map((partition) => ({ topic, partition })),
    }))
    writeTopics(writer, named, ({ topic, partition }) => {
      const committed = groups.committed({ groupId, topic, partition })
      writer.int32(partition).int64(committed?.offset ?? -1)
      if (version >= 5) writer.int32(committed?.leaderEpoch ?? -1)
      writer.nullableString(committed?.metadata ?? '').int16(errorCode.NONE)
    })
    return version >= 2 ? writer.int16(errorCode.NONE) : writer
  },
})

function everyPartition(groups: Groups, groupId: string): TopicPartitions<number>[] {
  const byTopic = new Map<string, number[]>()
  for (const { topic, partition } of groups.committedBy(groupId)) {
    byTopic.set(topic, [...(byTopic.get(topic) ?? []), partition])
  }
  return [...byTopic].map(([topic, partitions]) => ({ topic, partitions }))
}
