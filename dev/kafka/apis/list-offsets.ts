/**
 * ListOffsets (2), versions 1-5: where a partition begins, ends, or passes a time.
 *
 *     Request => replica: INT32 isolation: INT8 (2+)
 *                [topic: STRING [partition: INT32 leader_epoch: INT32 (4+) timestamp: INT64]]
 *     Response => throttle_ms: INT32 (2+)
 *                 [topic: STRING [partition: INT32 error: INT16 timestamp: INT64 offset: INT64
 *                                 leader_epoch: INT32 (4+)]]
 *
 * Timestamp -1 asks for the end, -2 for the start, another for the first record at or after it; offset
 * -1 says that there is none.
 */
import { leaderEpoch, type Partition } from '../log/partition.ts'
import { type ErrorName, errorCode } from '../wire/error-code.ts'
import { Writer } from '../wire/writer.ts'
import { defineApi, readTopics, writeTopics } from './api.ts'

const latest = -1
const earliest = -2

export const listOffsets = defineApi({
  key: 2,
  name: 'ListOffsets',
  minVersion: 1,
  maxVersion: 5,
  decode(reader, version) {
    reader.skip(version >= 2 ? 5 : 4)
    return readTopics(reader, () => {
      const partition = reader.int32()
      if (version >= 4) reader.int32()
      return { partition, timestampMs: reader.int64() }
    })
  },
  answer(topics, version, { broker }) {
    const results = topics.map(({ topic, partitions }) => ({
      topic,
      partitions: partitions.map(({ partition, timestampMs }) => ({
        partition,
        ...find(broker.topics.partition(topic, partition), timestampMs),
      })),
    }))
    const writer = new Writer()
    if (version >= 2) writer.int32(0)
    return writeTopics(writer, results, ({ partition, error, timestampMs, offset }) => {
      writer.int32(partition).int16(errorCode[error]).int64(timestampMs).int64(offset)
      if (version >= 4) writer.int32(offset < 0 ? -1 : leaderEpoch)
    })
  },
})

interface Found {
  readonly error: ErrorName
  readonly timestampMs: number
  readonly offset: number
}

function find(partition: Partition | undefined, timestampMs: number): Found {
  if (partition === undefined) {
    return { error: 'UNKNOWN_TOPIC_OR_PARTITION', timestampMs: -1, offset: -1 }
  }
  if (timestampMs === latest) return { error: 'NONE', timestampMs: -1, offset: partition.endOffset }
  if (timestampMs === earliest) {
    return { error: 'NONE', timestampMs: -1, offset: partition.startOffset }
  }
  const record = partition.findTime(timestampMs)
  return { error: 'NONE', ...(record ?? { timestampMs: -1, offset: -1 }) }
}
