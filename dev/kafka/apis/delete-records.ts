/**
 * DeleteRecords (21), versions 0-1: raises the low watermark of partitions.
 *
 *     Request => [topic: STRING [partition: INT32 offset: INT64]] timeout_ms: INT32
 *     Response => throttle_ms: INT32
 *                 [topic: STRING [partition: INT32 low_watermark: INT64 error: INT16]]
 *
 * Offset -1 stands for the high watermark; a lower one than the present start changes nothing.
 */
import type { Broker } from '../broker.ts'
import { type ErrorName, errorCode } from '../wire/error-code.ts'
import { Writer } from '../wire/writer.ts'
import { defineApi, readTopics, writeTopics } from './api.ts'

export const deleteRecords = defineApi({
  key: 21,
  name: 'DeleteRecords',
  minVersion: 0,
  maxVersion: 1,
  decode: (reader) => ({
    topics: readTopics(reader, () => ({ partition: reader.int32(), offset: reader.int64() })),
    timeoutMs: reader.int32(),
  }),
  answer({ topics }, _, { broker }) {
    const results = topics.map(({ topic, partitions }) => ({
      topic,
      partitions: partitions.map(({ partition, offset }) => {
        const [error, lowWatermark] = deleteBefore(broker, topic, partition, offset)
        return { partition, error, lowWatermark }
      }),
    }))
    const writer = new Writer().int32(0)
    return writeTopics(writer, results, ({ partition, error, lowWatermark }) => {
      writer.int32(partition).int64(lowWatermark).int16(errorCode[error])
    })
  },
})

function deleteBefore(
  { topics }: Broker,
  name: string,
  index: number,
  offset: number,
): [error: ErrorName, lowWatermark: number] {
  const topic = topics.get(name)
  const partition = topic?.partitions[index]
  if (topic === undefined || partition === undefined) return ['UNKNOWN_TOPIC_OR_PARTITION', -1]
  const target = offset === -1 ? partition.endOffset : offset
  if (target < 0 || target > partition.endOffset) return ['OFFSET_OUT_OF_RANGE', -1]
  if (target > partition.startOffset) topics.deleteRecords(topic, index, target)
  return ['NONE', partition.startOffset]
}
