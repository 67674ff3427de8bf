/**
 * Produce (0), versions 0-8: appends one record batch per partition.
 *
 *     Request => transactional_id: NULLABLE_STRING (3+) acks: INT16 timeout_ms: INT32
 *                [topic: STRING [partition: INT32 records: NULLABLE_BYTES]]
 *     Response => [topic: STRING [partition: INT32 error: INT16 base_offset: INT64
 *                   append_time: INT64 (2+) start_offset: INT64 (5+)
 *                   [index: INT32 message: NULLABLE_STRING] (8) message: NULLABLE_STRING (8)]]
 *                 throttle_ms: INT32 (1+)
 *
 * Versions 0-2 carry the message sets of old and are refused; they are offered because librdkafka
 * before 2.11 does not compress without seeing them. acks 1 and -1 are the same with one replica. With acks 0
 * there is no answer: an error closes the connection, so that the producer notices.
 */
import type { Appended } from '../log/partition.ts'
import { errorCode } from '../wire/error-code.ts'
import { FrameError } from '../wire/reader.ts'
import { Writer } from '../wire/writer.ts'
import { defineApi, type RequestContext, readTopics, writeTopics } from './api.ts'

interface PartitionRecords {
  readonly partition: number
  readonly records: Buffer | null
}

export const produce = defineApi({
  key: 0,
  name: 'Produce',
  minVersion: 0,
  maxVersion: 8,
  decode(reader, version) {
    return {
      transactionalId: version >= 3 ? reader.nullableString() : null,
      acks: reader.int16(),
      timeoutMs: reader.int32(),
      topics: readTopics(reader, () => ({
        partition: reader.int32(),
        records: reader.nullableBytes(),
      })),
    }
  },
  answer({ transactionalId, acks, topics }, version, context) {
    const refusal = refusalOf(transactionalId, acks, version)
    const results = topics.map(({ topic, partitions }) => ({
      topic,
      partitions: partitions.map((part) => {
        const appended = refusal ?? append(topic, part, context)
        return { partition: part.partition, appended, startOffset: startOf(topic, part, context) }
      }),
    }))
    if (acks === 0) {
      const failed = results.flatMap(({ partitions }) => partitions).find(isRefused)
      if (failed === undefined) return null
      throw new FrameError(`a batch produced with acks 0 was refused: ${failed.appended.error}`)
    }
    const writer = new Writer()
    writeTopics(writer, results, (result) => {
      const { partition, appended, startOffset } = result
      const isAppended = appended.error === 'NONE'
      writer.int32(partition).int16(errorCode[appended.error])
      writer.int64(isAppended ? appended.baseOffset : -1)
      if (version >= 2) writer.int64(-1)
      if (version >= 5) writer.int64(isAppended ? startOffset : -1)
      if (version >= 8) {
        writer.array([], () => {}).nullableString(isAppended ? null : appended.reason)
      }
    })
    return version >= 1 ? writer.int32(0) : writer
  },
})

function refusalOf(
  transactionalId: string | null,
  acks: number,
  version: number,
): Exclude<Appended, { error: 'NONE' }> | null {
  if (version < 3) {
    return { error: 'UNSUPPORTED_FOR_MESSAGE_FORMAT', reason: 'message sets are not taken' }
  }
  if (acks < -1 || acks > 1) return { error: 'INVALID_REQUIRED_ACKS', reason: `acks ${acks}` }
  if (transactionalId !== null) {
    return {
      error: 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED',
      reason: 'there are no transactions here',
    }
  }
  return null
}

function append(topic: string, part: PartitionRecords, { broker }: RequestContext): Appended {
  // A topic is made when its metadata is asked for, never here: so does Kafka.
  const partition = broker.topics.partition(topic, part.partition)
  if (partition === undefined) {
    return { error: 'UNKNOWN_TOPIC_OR_PARTITION', reason: `${topic}-${part.partition}` }
  }
  if (part.records === null) return { error: 'INVALID_RECORD', reason: 'no record batch' }
  return partition.append(part.records, broker.clock.now())
}

function startOf(topic: string, part: PartitionRecords, { broker }: RequestContext): number {
  return broker.topics.partition(topic, part.partition)?.startOffset ?? -1
}

function isRefused({ appended }: { readonly appended: Appended }): boolean {
  return appended.error !== 'NONE'
}
