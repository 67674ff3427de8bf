/**
 * CreateTopics (19), versions 2-4.
 *
 *     Request => [topic: STRING partitions: INT32 replication: INT16
 *                  [partition: INT32 [broker: INT32]] [config: STRING value: NULLABLE_STRING]]
 *                timeout_ms: INT32 validate_only: BOOL
 *     Response => throttle_ms: INT32 [topic: STRING error: INT16 message: NULLABLE_STRING]
 *
 * -1 partitions or replicas stand for the default. An explicit assignment may only name this broker.
 */
import { type Broker, isTopicName } from '../broker.ts'
import { problemOfConfigs } from '../topic-config.ts'
import { type ErrorName, errorCode } from '../wire/error-code.ts'
import { Writer } from '../wire/writer.ts'
import { defineApi } from './api.ts'

interface NewTopic {
  readonly name: string
  readonly partitions: number
  readonly replication: number
  readonly assignments: readonly (readonly number[])[]
  readonly configs: Readonly<Record<string, string>>
}

export const createTopics = defineApi({
  key: 19,
  name: 'CreateTopics',
  minVersion: 2,
  maxVersion: 4,
  decode: (reader) => ({
    topics: reader.array(() => ({
      name: reader.string(),
      partitions: reader.int32(),
      replication: reader.int16(),
      assignments: reader.array(() => {
        reader.int32()
        return reader.array(() => reader.int32())
      }),
      configs: Object.fromEntries(
        reader.array(() => [reader.string(), reader.nullableString() ?? ''] as const),
      ),
    })),
    timeoutMs: reader.int32(),
    isDryRun: reader.boolean(),
  }),
  answer({ topics, isDryRun }, _, { broker }) {
    const writer = new Writer().int32(0)
    return writer.array(topics, (topic) => {
      const [error, message] = create(topic, isDryRun, broker)
      writer.string(topic.name).int16(errorCode[error]).nullableString(message)
    })
  },
})

function create(
  topic: NewTopic,
  isDryRun: boolean,
  broker: Broker,
): [error: ErrorName, message: string | null] {
  const { name, assignments, replication, configs } = topic
  const asked = assignments.length > 0 ? assignments.length : topic.partitions
  const partitions = asked === -1 ? broker.settings.defaultPartitions : asked
  if (!isTopicName(name)) return ['INVALID_TOPIC_EXCEPTION', 'not a legal topic name']
  if (broker.topics.get(name) !== undefined) {
    return ['TOPIC_ALREADY_EXISTS', `Topic '${name}' already exists.`]
  }
  if (partitions < 1) return ['INVALID_PARTITIONS', 'at least one partition is needed']
  if (!broker.topics.hasRoomFor(partitions)) {
    return ['INVALID_PARTITIONS', `${broker.settings.partitionsMax} partitions are the limit`]
  }
  if (assignments.length === 0 && replication !== 1 && replication !== -1) {
    return ['INVALID_REPLICATION_FACTOR', 'there is one broker']
  }
  if (assignments.some((brokers) => brokers.length !== 1 || brokers[0] !== broker.nodeId)) {
    return ['INVALID_REPLICA_ASSIGNMENT', `broker ${broker.nodeId} is the only one`]
  }
  const problem = problemOfConfigs(configs)
  if (problem !== null) return ['INVALID_CONFIG', problem]
  if (!isDryRun) broker.topics.create(name, partitions, configs)
  return ['NONE', null]
}
