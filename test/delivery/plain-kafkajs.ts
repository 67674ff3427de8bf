/**
 * A thread in which kafkajs is as it comes: what it would do where the engine does otherwise. Each
 * task ends with one message, what was seen.
 */

import { parentPort, workerData } from 'node:worker_threads'
import { type Consumer, Kafka, logLevel } from 'kafkajs'

export interface PlainTask {
  readonly what: keyof typeof tasks
  readonly brokers: readonly string[]
  readonly groupId: string
  readonly topic: string
}

const tasks = { readFromCommit, commitWhileStopping, readThrough }

// Checked: `plainKafkajs` starts this thread with a task, and nobody else does.
const { what, brokers, groupId, topic } = workerData as PlainTask
const kafka = new Kafka({
  brokers: [...brokers],
  logLevel: logLevel.NOTHING,
  retry: { initialRetryTime: 50, retries: 1 },
})
const consumer = kafka.consumer({ groupId, sessionTimeout: 6_000, heartbeatInterval: 200 })
await consumer.connect()
await consumer.subscribe({ topic, fromBeginning: true })
parentPort?.postMessage(await tasks[what](consumer))

/** Goes on at the group's commit; tells the first offset that it got. */
async function readFromCommit(from: Consumer): Promise<string> {
  const first = await new Promise<string>((resolve, reject) => {
    from
      .run({
        autoCommit: false,
        eachBatch: async ({ batch }) => resolve(batch.firstOffset() ?? ''),
      })
      .catch(reject)
  })
  await from.disconnect()
  return first
}

/** Tells whether a commit of offset 1 seemed to be done. */
async function commitWhileStopping(from: Consumer): Promise<string> {
  let said = ''
  await new Promise<void>((resolve, reject) => {
    from
      .run({
        autoCommit: false,
        eachBatch: async () => {
          const stopping = from.stop()
          try {
            await from.commitOffsets([{ topic, partition: 0, offset: '1' }])
            said = 'committed'
          } catch {
            said = 'refused'
          }
          stopping.then(resolve, reject)
        },
      })
      .catch(reject)
  })
  await from.disconnect()
  return said
}

/** Reads until it has the record `last`; tells that, or what stopped it. */
async function readThrough(from: Consumer): Promise<string> {
  const said = await new Promise<string>((resolve, reject) => {
    from.on(from.events.CRASH, ({ payload }) => resolve(`stopped: ${payload.error.message}`))
    from
      .run({
        autoCommit: false,
        eachMessage: async ({ message }) => {
          if (String(message.key) === 'last') resolve('read')
        },
      })
      .catch(reject)
  })
  await from.disconnect().catch(() => {})
  return said
}
