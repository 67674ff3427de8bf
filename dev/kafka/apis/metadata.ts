/**
 * Metadata (3), versions 0-8: the broker, the topics and their partitions. A topic that is asked for
 * by name is made on the spot where the settings and the request allow it.
 *
 *     Request => [topic: STRING] (null, or empty in 0: all) allow_auto_creation: BOOL (4+)
 *                cluster_operations: BOOL (8) topic_operations: BOOL (8)
 *     Response => throttle_ms: INT32 (3+)
 *                 [node: INT32 host: STRING port: INT32 rack: NULLABLE_STRING (1+)]
 *                 cluster_id: NULLABLE_STRING (2+) controller: INT32 (1+)
 *                 [error: INT16 topic: STRING is_internal: BOOL (1+)
 *                   [error: INT16 partition: INT32 leader: INT32 leader_epoch: INT32 (7+)
 *                     [replica: INT32] [in_sync: INT32] [offline: INT32] (5+)]
 *                   operations: INT32 (8)]
 *                 operations: INT32 (8)
 */
import { type Broker, findOrCreateTopic, isTopicName } from '../broker.ts'
import { leaderEpoch } from '../log/partition.ts'
import type { Topic } from '../topics.ts'
import { type ErrorName, errorCode } from '../wire/error-code.ts'
import { Writer } from '../wire/writer.ts'
import { defineApi } from './api.ts'

/** "Not asked for", of the operations that a caller is authorised to do. */
const noOperations = -0x8000_0000

export const metadata = defineApi({
  key: 3,
  name: 'Metadata',
  minVersion: 0,
  maxVersion: 8,
  decode(reader, version) {
    const names = reader.nullableArray(() => reader.string())
    return {
      names: version === 0 && names?.length === 0 ? null : names,
      mayCreate: version < 4 || reader.boolean(),
    }
  },
  answer({ names, mayCreate }, version, { broker }) {
    const found = (names ?? broker.topics.all.map(({ name }) => name)).map((name) => ({
      name,
      topic: mayCreate ? findOrCreateTopic(broker, name) : broker.topics.get(name),
    }))
    const writer = new Writer()
    if (version >= 3) writer.int32(0)
    writeBroker(writer, broker, version)
    writer.array(found, ({ name, topic }) => {
      writer.int16(errorCode[errorOf(name, topic)]).string(name)
      if (version >= 1) writer.boolean(false)
      writePartitions(writer, broker.nodeId, topic, version)
      if (version >= 8) writer.int32(noOperations)
    })
    return version >= 8 ? writer.int32(noOperations) : writer
  },
})

function errorOf(name: string, topic: Topic | undefined): ErrorName {
  if (topic !== undefined) return 'NONE'
  return isTopicName(name) ? 'UNKNOWN_TOPIC_OR_PARTITION' : 'INVALID_TOPIC_EXCEPTION'
}

function writeBroker(writer: Writer, broker: Broker, version: number): void {
  writer.array([broker], ({ nodeId, host, port }) => {
    writer.int32(nodeId).string(host).int32(port)
    if (version >= 1) writer.nullableString(null)
  })
  if (version >= 2) writer.nullableString(broker.clusterId)
  if (version >= 1) writer.int32(broker.nodeId)
}

function writePartitions(
  writer: Writer,
  nodeId: number,
  topic: Topic | undefined,
  version: number,
): void {
  const replicas = [nodeId]
  const indexes = [...(topic?.partitions.keys() ?? [])]
  writer.array(indexes, (index) => {
    writer.int16(errorCode.NONE).int32(index).int32(nodeId)
    if (version >= 7) writer.int32(leaderEpoch)
    writer.array(replicas, (replica) => writer.int32(replica))
    writer.array(replicas, (replica) => writer.int32(replica))
    if (version >= 5) writer.array([], () => {})
  })
}
