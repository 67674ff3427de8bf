/**
 * Sends dead records again, as they stand in Kafka: same key, value, time and partition, with a header
 * that names the position they come from.
 *
 * Contract: a record that was sent again once is not sent a second time, whoever asks: its partition is
 * read from the first wanted record to the end, and the header tells. What Kafka no longer holds, or
 * holds with other bytes, is counted and left alone.
 */

import type { Kafka, Producer } from 'kafkajs'
import { groupBy } from '../core/group-by.ts'
import { sha256Hex } from '../core/hash.ts'
import type { TopicPartition } from '../core/kafka.ts'
import { systemRandom } from '../core/random.ts'
import { readRange } from '../processors/engine/range-reader.ts'
import type { StoredRecord } from '../processors/engine/wire/batch-records.ts'

export interface WantedLetter extends TopicPartition {
  readonly offset: number
  readonly value_sha256: string
}

export interface ReplayedLetters {
  readonly wanted: number
  readonly sent: number
  /** Sent by an earlier run. */
  readonly repeated: number
  readonly expired: number
  /** The record at the position is another one: the topic was made anew. */
  readonly changed: number
}

export interface LetterReplayOptions {
  readonly groupId: string
  readonly batchBytesMax: number
  readonly isDryRun: boolean
  readonly signal: AbortSignal
  readonly onProgress: (at: TopicPartition & { read: number; of: number }) => void
}

export const replayHeader = 'ttpstream-replay-of'
const sendBytesMax = 700_000
/** Originals that wait in memory until their partition has been read to its end. */
const heldBytesMax = 256 << 20

export async function replayLetters(
  kafka: Kafka,
  letters: readonly WantedLetter[],
  options: LetterReplayOptions,
): Promise<ReplayedLetters> {
  const groups = groupBy(letters, ({ topic, partition }) => `${partition}:${topic}`)
  const total = { wanted: 0, sent: 0, repeated: 0, expired: 0, changed: 0 }
  const producer = kafka.producer({ allowAutoTopicCreation: false })
  try {
    if (!options.isDryRun) await producer.connect()
    for (const group of groups.values()) {
      const done = await replayPartition(kafka, producer, group, options)
      for (const name of ['wanted', 'sent', 'repeated', 'expired', 'changed'] as const) {
        total[name] += done[name]
      }
    }
  } finally {
    await producer.disconnect()
  }
  return total
}

async function replayPartition(
  kafka: Kafka,
  producer: Producer,
  letters: readonly WantedLetter[],
  options: LetterReplayOptions,
): Promise<ReplayedLetters> {
  const [one] = letters
  const none = { wanted: 0, sent: 0, repeated: 0, expired: 0, changed: 0 }
  if (one === undefined) return none
  const { topic, partition } = one
  const hashes = new Map(letters.map((letter) => [letter.offset, letter.value_sha256]))
  const wanted = hashes.size
  const { low, high } = await watermarks(kafka, one)
  const first = Math.max(low, Math.min(...hashes.keys()))
  const found = new Map<number, StoredRecord>()
  const repeated = new Set<number>()
  let heldBytes = 0
  let changed = 0
  const reader = {
    groupId: `${options.groupId}-dead-letters-${systemRandom.uuid()}`,
    batchBytesMax: options.batchBytesMax,
    signal: options.signal,
  }
  await readRange(kafka, { topic, partition, first, end: high }, reader, async (records, next) => {
    for (const record of records) {
      const origin = originOf(record, one)
      if (origin !== null && hashes.has(origin)) repeated.add(origin)
      const hash = hashes.get(record.offset)
      if (hash === undefined) continue
      if (record.value === null || sha256Hex(record.value) !== hash) {
        changed += 1
        continue
      }
      heldBytes += record.value.length
      if (heldBytes > heldBytesMax) {
        throw new RangeError(
          `${topic}:${partition}: more than 256 MB at once; give a smaller --limit`,
        )
      }
      found.set(record.offset, record)
    }
    options.onProgress({ topic, partition, read: next - first, of: high - first })
  })
  const expired = wanted - found.size - changed
  const fresh = [...found.values()].filter(({ offset }) => !repeated.has(offset))
  if (!options.isDryRun) await send(producer, one, fresh)
  const again = found.size - fresh.length
  return { wanted, sent: fresh.length, repeated: again, expired, changed }
}

async function send(
  producer: Producer,
  { topic, partition }: TopicPartition,
  records: readonly StoredRecord[],
): Promise<void> {
  let messages: Parameters<Producer['send']>[0]['messages'] = []
  let bytes = 0
  const flush = async () => {
    if (messages.length > 0) await producer.send({ topic, acks: -1, messages })
    messages = []
    bytes = 0
  }
  for (const { offset, timestampMs, key, value, headers } of records) {
    const size = (value?.length ?? 0) + (key?.length ?? 0) + 512
    if (bytes + size > sendBytesMax) await flush()
    bytes += size
    messages.push({
      partition,
      key: key === null ? null : Buffer.from(key),
      value: value === null ? null : Buffer.from(value),
      timestamp: String(timestampMs),
      headers: { ...headers, [replayHeader]: `${topic}:${partition}:${offset}` },
    })
  }
  await flush()
}

/** The offset in the same partition that a record was sent again from. */
function originOf({ headers }: StoredRecord, { topic, partition }: TopicPartition): number | null {
  const header = headers[replayHeader]
  const text = String(Array.isArray(header) ? header.at(-1) : (header ?? ''))
  const prefix = `${topic}:${partition}:`
  return text.startsWith(prefix) ? Number(text.slice(prefix.length)) : null
}

async function watermarks(
  kafka: Kafka,
  { topic, partition }: TopicPartition,
): Promise<{ low: number; high: number }> {
  const admin = kafka.admin()
  await admin.connect()
  try {
    const offsets = await admin.fetchTopicOffsets(topic)
    const one = offsets.find((offset) => offset.partition === partition)
    return { low: Number(one?.low ?? 0), high: Number(one?.high ?? 0) }
  } finally {
    await admin.disconnect()
  }
}
