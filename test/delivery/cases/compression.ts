/** Batches compressed by kafkajs, kcat and Java's own producer, of every codec, are read. */

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { CompressionTypes } from 'kafkajs'
import { fetchKafkaJars } from '../../brokers/kafka-jars.ts'
import type { DeliveryCase } from '../delivery-case.ts'
import type { Scene } from '../scene.ts'

const codecs = ['gzip', 'snappy', 'lz4', 'zstd']
const each = 400

export const compression: readonly DeliveryCase[] = [
  {
    name: 'compressed by kcat',
    async run(scene) {
      for (const codec of codecs) await kcat(scene, codec)
      await areAllRead(scene, codecs)
    },
  },
  {
    name: 'compressed by Java',
    on: 'apache',
    async run(scene) {
      await Promise.all(codecs.map((codec) => java(scene, codec)))
      await areAllRead(scene, codecs)
    },
  },
  {
    name: 'compressed by kafkajs',
    async run(scene) {
      // What a leader that was made a moment ago refuses is sent again, to all partitions.
      const producer = scene.kafka.producer({ idempotent: true })
      await producer.connect()
      const messages = linesOf('gzip').map((value) => ({ value }))
      await producer.send({
        topic: scene.topics.commands,
        compression: CompressionTypes.GZIP,
        messages,
      })
      await producer.disconnect()
      await areAllRead(scene, ['gzip'])
    },
  },
]

async function areAllRead(scene: Scene, expected: readonly string[]): Promise<void> {
  await scene.drain({}, { TTPSTREAM_BLOCK_RECORDS_MAX: '150' })
  const read = await scene.rows<{ event_id: string; text: string }>(
    'SELECT event_id, command_text AS text FROM commands ORDER BY event_id',
  )
  const events = expected.flatMap((codec) => linesOf(codec).map((line) => JSON.parse(line)))
  const sent = events.map(({ event_id, command_text: text }) => ({ event_id, text }))
  assert.deepEqual(
    read,
    sent.sort((a, b) => (a.event_id < b.event_id ? -1 : 1)),
  )
  assert.deepEqual(await scene.rows('SELECT * FROM dead_letters'), [])
}

function linesOf(codec: string): string[] {
  return Array.from({ length: each }, (_, index) =>
    JSON.stringify({
      event_id: `${codec}-${String(index).padStart(4, '0')}`,
      kind: 'command',
      event_time: new Date(Date.UTC(2026, 10, 20) + index).toISOString(),
      host: `h${index % 7}`,
      command_text: `whoami /user ${(index * 7_919) % 65_537} ${'-x '.repeat(index % 50)}`,
    }),
  )
}

function kcat(scene: Scene, codec: string): Promise<void> {
  const args = ['-b', scene.broker.bootstrap, '-t', scene.topics.commands, '-P', '-z', codec]
  return feed('kcat', args, linesOf(codec))
}

async function java(scene: Scene, codec: string): Promise<void> {
  const classes = join(await fetchKafkaJars(), '*')
  const main = 'org.apache.kafka.tools.ConsoleProducer'
  const target = ['--bootstrap-server', scene.broker.bootstrap, '--topic', scene.topics.commands]
  const args = ['-Xmx128m', '-cp', classes, main, ...target, '--compression-codec', codec]
  await feed('java', args, linesOf(codec))
}

async function feed(command: string, args: string[], lines: readonly string[]): Promise<void> {
  const child = spawn(command, args, { stdio: ['pipe', 'ignore', 'pipe'] })
  let said = ''
  child.stderr.on('data', (chunk) => {
    said += chunk
  })
  child.stdin.end(`${lines.join('\n')}\n`)
  const [code] = await once(child, 'close')
  assert.equal(code, 0, `${command} ended with ${code}: ${said.slice(-500)}`)
}
