/**
 * The thread in which the oracle reads a log: with kafkajs as it comes. In the process of an engine
 * kafkajs decodes as the engine wants it.
 */

import { parentPort, workerData } from 'node:worker_threads'
import { Kafka, logLevel } from 'kafkajs'
import type { LogEntry } from './oracle.ts'

export interface LogRequest {
  readonly brokers: readonly string[]
  /** The offset after the last, by `topic:partition`; of partitions that hold records. */
  readonly ends: ReadonlyMap<string, number>
  readonly topics: readonly string[]
}

// Checked: `readLog` starts this thread with a request, and nobody else does.
const { brokers, ends, topics } = workerData as LogRequest
const kafka = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING })
const left = new Map(ends)
const entries: LogEntry[] = []
const consumer = kafka.consumer({ groupId: `oracle-${process.pid}-${Math.random()}` })
await consumer.connect()
await consumer.subscribe({ topics: [...topics], fromBeginning: true })
await new Promise<void>((resolve, reject) => {
  consumer
    .run({
      eachMessage: async ({ topic, partition, message: { offset, key, value, timestamp } }) => {
        const timeMs = Number(timestamp)
        entries.push({ topic, partition, offset: Number(offset), key, value, timeMs })
        const where = `${topic}:${partition}`
        if (Number(offset) + 1 >= (left.get(where) ?? 0)) left.delete(where)
        if (left.size === 0) resolve()
      },
    })
    .catch(reject)
})
await consumer.disconnect()
parentPort?.postMessage(entries)
