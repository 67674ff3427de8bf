/**
 * Fetch (1), versions 4-11: whole record batches, as they lie in the files.
 *
 *     Request => replica: INT32 max_wait_ms: INT32 min_bytes: INT32 max_bytes: INT32 isolation: INT8
 *                session_id: INT32 (7+) session_epoch: INT32 (7+)
 *                [topic: STRING [partition: INT32 leader_epoch: INT32 (9+) offset: INT64
 *                                start_offset: INT64 (5+) max_bytes: INT32]]
 *                [forgotten topic: STRING [partition: INT32]] (7+) rack: STRING (11+)
 *     Response => throttle_ms: INT32 error: INT16 (7+) session_id: INT32 (7+)
 *                 [topic: STRING [partition: INT32 error: INT16 high_watermark: INT64
 *                   last_stable_offset: INT64 start_offset: INT64 (5+)
 *                   [aborted producer: INT64 first_offset: INT64] preferred_replica: INT32 (11+)
 *                   records: NULLABLE_BYTES]]
 *
 * Answers as soon as min_bytes are there, an error is to be told, or max_wait has passed. Every fetch is
 * a full one: session id 0 tells a client that no session was made. The first batch of an answer may exceed
 * the limits, so that a reader always gets on. There are no transactions, so both isolation levels
 * see the same.
 */
import type { Broker } from '../broker.ts'
import type { Partition } from '../log/partition.ts'
import { type ErrorName, errorCode } from '../wire/error-code.ts'
import { Writer } from '../wire/writer.ts'
import { defineApi, readTopics, type TopicPartitions, writeTopics } from './api.ts'

interface Wanted {
  readonly partition: number
  readonly offset: number
  readonly bytesMax: number
}

interface FetchRequest {
  readonly waitMsMax: number
  readonly bytesMin: number
  readonly bytesMax: number
  readonly isReadCommitted: boolean
  readonly topics: readonly TopicPartitions<Wanted>[]
}

interface Fetched {
  readonly wanted: Wanted
  readonly log: Partition | undefined
  readonly error: ErrorName
  readonly records: Buffer
}

interface FetchedAll {
  readonly topics: readonly TopicPartitions<Fetched>[]
  readonly bytes: number
  readonly hasError: boolean
}

export const fetch = defineApi<FetchRequest>({
  key: 1,
  name: 'Fetch',
  minVersion: 4,
  maxVersion: 11,
  decode(reader, version) {
    reader.int32()
    const request = {
      waitMsMax: reader.int32(),
      bytesMin: reader.int32(),
      bytesMax: reader.int32(),
      isReadCommitted: reader.int8() === 1,
    }
    if (version >= 7) reader.skip(8)
    const topics = readTopics(reader, () => {
      const partition = reader.int32()
      if (version >= 9) reader.int32()
      const offset = reader.int64()
      if (version >= 5) reader.int64()
      return { partition, offset, bytesMax: reader.int32() }
    })
    return { ...request, topics }
  },
  async answer(request, version, { broker, signal }) {
    let fetched = readAll(request, broker)
    if (fetched.bytes < request.bytesMin && !fetched.hasError && request.waitMsMax > 0) {
      await moreBytes(request, fetched, broker.settings.fetchWaitMsMax, signal)
      fetched = readAll(request, broker)
    }
    return write(fetched, request, version)
  },
})

function readAll({ topics, bytesMax }: FetchRequest, broker: Broker): FetchedAll {
  const limit = Math.min(bytesMax, broker.settings.fetchBytesMax)
  let bytes = 0
  let hasError = false
  const read = (topic: string, wanted: Wanted): Fetched => {
    const log = broker.topics.partition(topic, wanted.partition)
    const most = Math.max(0, Math.min(wanted.bytesMax, limit - bytes))
    const records = log?.read(wanted.offset, most, bytes === 0) ?? null
    bytes += records?.length ?? 0
    hasError ||= records === null
    if (records !== null) return { wanted, log, error: 'NONE', records }
    const error = log === undefined ? 'UNKNOWN_TOPIC_OR_PARTITION' : 'OFFSET_OUT_OF_RANGE'
    return { wanted, log, error, records: Buffer.alloc(0) }
  }
  const results = topics.map(({ topic, partitions }) => ({
    topic,
    partitions: partitions.map((wanted) => read(topic, wanted)),
  }))
  return { topics: results, bytes, hasError }
}

/** Until enough was appended to what was read, a partition went away, or the time is over. */
async function moreBytes(
  request: FetchRequest,
  fetched: FetchedAll,
  waitMsMax: number,
  signal: AbortSignal,
): Promise<void> {
  let missing = request.bytesMin - fetched.bytes
  let finish = () => {}
  const done = new Promise<void>((resolve) => {
    finish = resolve
  })
  const releases = fetched.topics.flatMap(({ partitions }) =>
    partitions.map(({ log, wanted, records }) => {
      let room = Math.max(1, wanted.bytesMax - records.length)
      return log?.onAppend((bytes) => {
        missing -= Math.min(bytes, room)
        room = Math.max(0, room - bytes)
        if (missing <= 0 || bytes === Number.POSITIVE_INFINITY) finish()
      })
    }),
  )
  const timer = setTimeout(finish, Math.min(request.waitMsMax, waitMsMax))
  signal.addEventListener('abort', finish)
  if (signal.aborted) finish()
  await done
  clearTimeout(timer)
  signal.removeEventListener('abort', finish)
  for (const release of releases) release?.()
}

function write(fetched: FetchedAll, { isReadCommitted }: FetchRequest, version: number): Writer {
  const writer = new Writer().int32(0)
  if (version >= 7) writer.int16(errorCode.NONE).int32(0)
  return writeTopics(writer, fetched.topics, ({ wanted, log, error, records }) => {
    const end = error === 'NONE' && log !== undefined ? log.endOffset : -1
    const start = error === 'NONE' && log !== undefined ? log.startOffset : -1
    writer.int32(wanted.partition).int16(errorCode[error]).int64(end).int64(end)
    if (version >= 5) writer.int64(start)
    // A list of aborted transactions: none, or null where it was not asked for.
    writer.int32(isReadCommitted ? 0 : -1)
    if (version >= 11) writer.int32(-1)
    writer.bytes(records)
  })
}
