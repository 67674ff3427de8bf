/**
 * OffsetCommit (8), versions 2-6: stores offsets with their metadata.
 *
 *     Request => group: STRING generation: INT32 member: STRING retention_ms: INT64 (2-4)
 *                [topic: STRING [partition: INT32 offset: INT64 leader_epoch: INT32 (6)
 *                                metadata: NULLABLE_STRING]]
 *     Response => throttle_ms: INT32 (3+) [topic: STRING [partition: INT32 error: INT16]]
 *
 * As Apache Kafka does it: member and generation are checked, ownership of the partition is not; any
 * number is an offset; null metadata becomes empty; a group without members takes commits of none
 * (generation -1). retention_ms is ignored: the broker has one retention for all.
 */
import type { Broker } from '../broker.ts'
import type { CommittedOffset, OffsetPosition } from '../group/offsets.ts'
import { type ErrorName, errorCode } from '../wire/error-code.ts'
import { Writer } from '../wire/writer.ts'
import { defineApi, readTopics, writeTopics } from './api.ts'

type Commit = OffsetPosition & Omit<CommittedOffset, 'committedMs'>

export const offsetCommit = defineApi({
  key: 8,
  name: 'OffsetCommit',
  minVersion: 2,
  maxVersion: 6,
  decode(reader, version) {
    const groupId = reader.string()
    const generation = reader.int32()
    const memberId = reader.string()
    if (version <= 4) reader.int64()
    const topics = readTopics(reader, () => ({
      partition: reader.int32(),
      offset: reader.int64(),
      leaderEpoch: version >= 6 ? reader.int32() : -1,
      metadata: reader.nullableString() ?? '',
    }))
    return { groupId, generation, memberId, topics }
  },
  answer({ groupId, generation, memberId, topics }, version, { broker }) {
    const verdict = broker.groups.acceptCommit(groupId, memberId, generation)
    const results = topics.map(({ topic, partitions }) => ({
      topic,
      partitions: partitions.map((given) => {
        const commit = { groupId, topic, ...given }
        return { commit, error: verdict === 'NONE' ? check(commit, broker) : verdict }
      }),
    }))
    const accepted = results
      .flatMap(({ partitions }) => partitions)
      .filter(({ error }) => error === 'NONE')
    const stored = store(
      accepted.map(({ commit }) => commit),
      broker,
    )
    const writer = new Writer()
    if (version >= 3) writer.int32(0)
    return writeTopics(writer, results, ({ commit, error }) => {
      writer.int32(commit.partition).int16(errorCode[error === 'NONE' ? stored : error])
    })
  },
})

function check({ topic, partition, metadata }: Commit, { topics, settings }: Broker): ErrorName {
  if (topics.partition(topic, partition) === undefined) return 'UNKNOWN_TOPIC_OR_PARTITION'
  return metadata.length > settings.offsetMetadataMax ? 'OFFSET_METADATA_TOO_LARGE' : 'NONE'
}

function store(commits: readonly Commit[], { groups, log }: Broker): ErrorName {
  try {
    groups.commit(commits)
    return 'NONE'
  } catch (error) {
    log.error({ error: String(error) }, 'a commit could not be written')
    return 'KAFKA_STORAGE_ERROR'
  }
}
