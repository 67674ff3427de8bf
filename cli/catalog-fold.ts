import type { Kafka } from 'kafkajs'
import type { Config } from '../core/config.ts'
import type { LogRecord } from '../core/kafka.ts'
import { systemRandom } from '../core/random.ts'
import { readRange } from '../processors/engine/range-reader.ts'

/** Hands over every record that the catalog holds now, in log order. */
export async function foldCatalog(
  kafka: Kafka,
  config: Config,
  take: (record: LogRecord) => void,
): Promise<void> {
  const topic = config.text('TTPSTREAM_TOPIC_CATALOG')
  const admin = kafka.admin()
  await admin.connect()
  const [bounds] = await admin.fetchTopicOffsets(topic).finally(() => admin.disconnect())
  const range = {
    topic,
    partition: 0,
    first: Number(bounds?.low ?? 0),
    end: Number(bounds?.high ?? 0),
  }
  const reader = {
    groupId: `${config.text('TTPSTREAM_KAFKA_GROUP')}-catalog-${systemRandom.uuid()}`,
    batchBytesMax: config.count('TTPSTREAM_BATCH_BYTES_MAX'),
  }
  await readRange(kafka, range, reader, async (records) => {
    for (const record of records) take(record)
  })
}
