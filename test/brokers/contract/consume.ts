import type { KafkaMessage } from 'kafkajs'
import { eventually, type Subject } from './subject.ts'

/** The first `count` records of a topic from its start, each with its partition, as kafkajs gives them. */
export async function consume(
  subject: Subject,
  topic: string,
  count: number,
): Promise<(KafkaMessage & { partition: number })[]> {
  const consumer = subject.kafka.consumer({ groupId: subject.name('group'), maxWaitTimeInMs: 100 })
  const records: (KafkaMessage & { partition: number })[] = []
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  await consumer.run({
    eachMessage: async ({ partition, message }) => {
      records.push({ ...message, partition })
    },
  })
  await eventually(`${count} records`, () => records.length >= count)
  await consumer.disconnect()
  return records
}
