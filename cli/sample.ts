/**
 * The bundled sample: recordings of adversary emulations, honeypot lines, and the tests, alerts and
 * assets that go with them. Replayed through Kafka like anybody's records.
 */

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import type { Kafka } from 'kafkajs'
import { z } from 'zod'
import type { Config, SettingName } from '../core/config.ts'
import { portions } from './portions.ts'

export interface SamplePart {
  /** File name without its endings. */
  readonly name: string
  readonly topic: SettingName
  readonly lines: readonly string[]
  /** Of a recording: what was emulated. */
  readonly recording?: Recording
}

const recordingSchema = z.object({
  id: z.string(),
  title: z.string(),
  techniques: z.array(z.string()),
  events: z.number().int(),
})
export type Recording = z.infer<typeof recordingSchema>

/** Where a part's records lie. */
export interface Replayed {
  readonly part: SamplePart
  readonly partition: number
  readonly first: number
  readonly last: number
}

const folder = fileURLToPath(new URL('../examples/sample', import.meta.url))

/** Catalog first, so that assets are known when alerts name them; the rest by name. */
export function readSample(): readonly SamplePart[] {
  const file = readFileSync(join(folder, 'recordings.json'), 'utf8')
  const recordings = z.array(recordingSchema).parse(JSON.parse(file))
  const order: SettingName[] = [
    'TTPSTREAM_TOPIC_CATALOG',
    'TTPSTREAM_TOPIC_TESTS',
    'TTPSTREAM_TOPIC_COMMANDS',
    'TTPSTREAM_TOPIC_ALERTS',
  ]
  return readdirSync(folder)
    .filter((name) => /\.ndjson(\.gz)?$/.test(name))
    .map((file) => partOf(file, recordings))
    .sort((a, b) => order.indexOf(a.topic) - order.indexOf(b.topic) || (a.name < b.name ? -1 : 1))
}

/** Sends every part to one partition, so that its records lie side by side. */
export async function replaySample(
  kafka: Kafka,
  config: Config,
  parts: readonly SamplePart[],
  onPart: (replayed: Replayed) => void = () => {},
): Promise<readonly Replayed[]> {
  const admin = kafka.admin()
  const producer = kafka.producer({ allowAutoTopicCreation: false })
  await Promise.all([admin.connect(), producer.connect()])
  const done: Replayed[] = []
  try {
    for (const [index, part] of parts.entries()) {
      const topic = config.text(part.topic)
      const partitions = (await admin.fetchTopicOffsets(topic)).length
      const partition = index % Math.max(1, partitions)
      let first = -1
      let last = -1
      for (const lines of portions(part.lines)) {
        const messages = lines.map((value) => ({ partition, value }))
        const [sent] = await producer.send({ topic, acks: -1, messages })
        const base = Number(sent?.baseOffset ?? 0)
        if (first < 0) first = base
        last = base + lines.length - 1
      }
      const replayed = { part, partition, first, last }
      done.push(replayed)
      onPart(replayed)
    }
    return done
  } finally {
    await Promise.all([admin.disconnect(), producer.disconnect()])
  }
}

function partOf(file: string, recordings: readonly Recording[]): SamplePart {
  const name = file.replace(/\.ndjson(\.gz)?$/, '')
  const bytes = readFileSync(join(folder, file))
  const text = (file.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8')
  const lines = text.split('\n').filter((line) => line !== '')
  const topics: Readonly<Record<string, SettingName>> = {
    tests: 'TTPSTREAM_TOPIC_TESTS',
    alerts: 'TTPSTREAM_TOPIC_ALERTS',
    catalog: 'TTPSTREAM_TOPIC_CATALOG',
  }
  const recording = recordings.find(({ id }) => id === name)
  const part = { name, topic: topics[name] ?? ('TTPSTREAM_TOPIC_COMMANDS' as const), lines }
  return recording === undefined ? part : { ...part, recording }
}
