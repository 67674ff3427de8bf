/**
 * CreatePartitions (37), versions 0-1: a topic gets more of them, never fewer.
 *
 *     Request => [topic: STRING count: INT32 [[broker: INT32]] (null: as the broker likes)]
 *                timeout_ms: INT32 validate_only: BOOL
 *     Response => throttle_ms: INT32 [topic: STRING error: INT16 message: NULLABLE_STRING]
 */
import type { Broker } from '../broker.ts'
import { type ErrorName, errorCode } from '../wire/error-code.ts'
import { Writer } from '../wire/writer.ts'
import { defineApi } from './api.ts'

export const createPartitions = defineApi({
  key: 37,
  name: 'CreatePartitions',
  minVersion: 0,
  maxVersion: 1,
  decode: (reader) => ({
    topics: reader.array(() => ({
      name: reader.string(),
      count: reader.int32(),
      assignments: reader.nullableArray(() => reader.array(() => reader.int32())),
    })),
    timeoutMs: reader.int32(),
    isDryRun: reader.boolean(),
  }),
  answer({ topics, isDryRun }, _, { broker }) {
    const writer = new Writer().int32(0)
    return writer.array(topics, ({ name, count }) => {
      const [error, message] = grow(name, count, isDryRun, broker)
      writer.string(name).int16(errorCode[error]).nullableString(message)
    })
  },
})

function grow(
  name: string,
  count: number,
  isDryRun: boolean,
  { topics, settings }: Broker,
): [error: ErrorName, message: string | null] {
  const topic = topics.get(name)
  if (topic === undefined) return ['UNKNOWN_TOPIC_OR_PARTITION', `no topic '${name}'`]
  const held = topic.partitions.length
  if (count <= held) return ['INVALID_PARTITIONS', `the topic has ${held} partitions already`]
  if (!topics.hasRoomFor(count - held)) {
    return ['INVALID_PARTITIONS', `${settings.partitionsMax} partitions are the limit`]
  }
  if (!isDryRun) topics.addPartitions(topic, count)
  return ['NONE', null]
}
