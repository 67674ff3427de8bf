import { setTimeout } from 'node:timers/promises'
import type { Kafka } from 'kafkajs'
import type { Config, SettingName } from '../core/config.ts'
import type { Worker } from './worker.ts'

export interface Counts {
  readonly records: number
  readonly events: number
  readonly tags: number
  readonly deadLetters: number
  readonly lag: number
}

export async function countsOf({ metrics }: Worker): Promise<Counts> {
  const [records, events, tags, deadLetters, lag] = await Promise.all([
    metrics.total('ttpstream_records_total'),
    metrics.total('ttpstream_events_total'),
    metrics.total('ttpstream_tags_total'),
    metrics.total('ttpstream_dead_letters_total'),
    metrics.total('ttpstream_lag_records'),
  ])
  return { records, events, tags, deadLetters, lag }
}

const inputs: readonly SettingName[] = [
  'TTPSTREAM_TOPIC_COMMANDS',
  'TTPSTREAM_TOPIC_ALERTS',
  'TTPSTREAM_TOPIC_TESTS',
  'TTPSTREAM_TOPIC_CATALOG',
]

/** Records in all input topics. */
export async function recordsIn(kafka: Kafka, config: Config): Promise<number> {
  const admin = kafka.admin()
  await admin.connect()
  try {
    const offsets = await Promise.all(
      inputs.map((name) => admin.fetchTopicOffsets(config.text(name))),
    )
    return offsets.flat().reduce((sum, { low, high }) => sum + Number(high) - Number(low), 0)
  } finally {
    await admin.disconnect()
  }
}

/** Waits until the worker has finished as many records; throws if that takes longer than `msMax`. */
export async function untilFinished(
  worker: Worker,
  records: number,
  msMax: number,
  onStep: (counts: Counts) => void = () => {},
): Promise<Counts> {
  const stepMs = 50
  for (let leftMs = msMax; leftMs > 0; leftMs -= stepMs) {
    const counts = await countsOf(worker)
    onStep(counts)
    if (counts.records >= records) return counts
    await Promise.race([setTimeout(stepMs), worker.running])
  }
  throw new Error(`the worker has not finished ${records} records within ${msMax / 1000} s`)
}
