/**
 * A batch that nobody can decode costs its own records and no others: it is passed as a dead letter
 * for its range, whatever is wrong with it, also when the engine dies in the middle of its block.
 */

import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { closeSync, openSync, readdirSync, readFileSync, statSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { crc32c } from '../../../core/crc32c.ts'
import { encodeBatch } from '../../brokers/record-batch.ts'
import { produce } from '../../brokers/wire-calls.ts'
import { WireClient } from '../../brokers/wire-client.ts'
import type { DeliveryCase } from '../delivery-case.ts'
import { plainKafkajs, StoppedHere, stopAt } from '../engine.ts'
import type { Scene } from '../scene.ts'
import { until } from '../until.ts'

interface Bad {
  readonly code: string
  readonly records: number
  readonly batch: Buffer
}

const limit = { TTPSTREAM_BATCH_BYTES_MAX: String(1 << 20) }
const gzip = 1
const lz4 = 3
const zstd = 4
const unknownCodec = 6
const notCompressed = ['not', 'compressed']

/** With checksums that hold. */
const bad: readonly Bad[] = [
  {
    code: 'batch-codec',
    records: 2,
    batch: encodeBatch({ values: notCompressed, attributes: unknownCodec }),
  },
  {
    code: 'batch-corrupt',
    records: 2,
    batch: encodeBatch({ values: notCompressed, attributes: lz4 }),
  },
  {
    code: 'batch-corrupt',
    records: 2,
    batch: encodeBatch({ values: notCompressed, attributes: gzip }),
  },
  {
    code: 'batch-corrupt',
    records: 1,
    batch: encodeBatch({ values: ['one', 'two'], recordsCount: 1, lastOffsetDelta: 0 }),
  },
  { code: 'batch-too-large', records: 1, batch: zstdBomb() },
]

export const undecodable: readonly DeliveryCase[] = [
  {
    name: 'undecodable batches',
    isAlone: true,
    async run(scene) {
      await send(scene, goodBatch(0))
      for (const [index, one] of bad.entries()) {
        await plant(scene, one)
        await send(scene, goodBatch(index + 1))
      }
      await scene.drain({}, limit)
      await areReported(scene, bad.length + 1, bad)
    },
  },
  {
    name: 'control: undecodable batches, kafkajs alone',
    mustFail: /stopped/,
    async run(scene) {
      const [, first] = bad
      assert.ok(first !== undefined)
      await plant(scene, first)
      await scene.send(scene.topics.commands, [{ partition: 0, key: 'last', value: '{}' }])
      const said = await plainKafkajs(scene, 'readThrough')
      assert.equal(said, 'read', String(said))
    },
  },
  {
    name: 'undecodable batches, the engine dying in their block',
    isAlone: true,
    async run(scene) {
      for (const one of bad) await plant(scene, one)
      await send(scene, goodBatch(0))
      for (const failpoint of ['intent', 'dead-letters', 'publish'] as const) {
        const engine = scene.start({ failpoint: stopAt(failpoint) }, limit)
        assert.ok((await engine.ended) instanceof StoppedHere)
        await engine.stop()
      }
      await scene.drain({}, limit)
      await areReported(scene, 1, bad)
    },
  },
  {
    name: 'a decompression bomb',
    isAlone: true,
    run: (scene) => bomb(scene, limit),
  },
  {
    name: 'control: a decompression bomb, decompressed all the same',
    isAlone: true,
    mustFail: /batch-too-large/,
    run: (scene) => bomb(scene, { TTPSTREAM_BATCH_BYTES_MAX: String(64 << 20) }),
  },
  {
    name: 'a bit flipped on the broker’s disk',
    async run(scene) {
      await send(scene, goodBatch(0))
      await plant(scene, { batch: encodeBatch({ values: ['{"n":1}', '{"n":2}'] }), records: 2 }, 80)
      await send(scene, goodBatch(1))
      await scene.drain({}, limit)
      await areReported(scene, 2, [{ code: 'batch-checksum', records: 2 }])
    },
  },
]

async function bomb(scene: Scene, settings: Readonly<Record<string, string>>): Promise<void> {
  await send(scene, goodBatch(0))
  await send(scene, encodeBatch({ values: [Buffer.alloc(8 << 20, ' ')], isGzip: true }))
  await send(scene, goodBatch(1))
  await scene.drain({}, settings)
  await areReported(scene, 2, [{ code: 'batch-too-large', records: 1 }])
}

/** Every good record is a row, every bad batch a dead letter of its range, and nothing is left unread. */
async function areReported(
  scene: Scene,
  goodBatches: number,
  expected: readonly Pick<Bad, 'code' | 'records'>[],
): Promise<void> {
  const rows = await scene.rows<{ event_id: string }>('SELECT event_id FROM commands ORDER BY 1')
  const ids = Array.from({ length: goodBatches }, (_, index) => idsOf(index)).flat()
  assert.deepEqual(rows.map((row) => row.event_id).sort(), ids.sort())
  const dead = await scene.rows<{ code: string; records: number }>(
    `SELECT code, records FROM dead_letters
     WHERE offset + records = last_offset + 1 AND length(value_sha256) = 64 ORDER BY offset`,
  )
  assert.deepEqual(
    dead,
    expected.map(({ code, records }) => ({ code, records })),
  )
  const [sums] = await scene.rows<{ wrong: number; dead: number }>(
    `SELECT countIf(records != events + dead_letters + deletions) AS wrong,
       sum(dead_letters) AS dead FROM ingest_progress`,
  )
  assert.deepEqual(sums, { wrong: 0, dead: expected.length })
  assert.equal(await scene.lag(), 0)
}

function idsOf(batch: number): string[] {
  return [0, 1, 2].map((index) => `e${batch}-${index}`)
}

function goodBatch(batch: number): Buffer {
  return encodeBatch({
    values: idsOf(batch).map((event_id) =>
      JSON.stringify({ event_id, kind: 'command', host: 'h1', command_text: 'alpha 1' }),
    ),
  })
}

async function send(scene: Scene, batch: Buffer): Promise<void> {
  const client = await WireClient.connect(scene.broker.bootstrap)
  const at = { topic: scene.topics.commands, partition: 0 }
  // A leader that was made a moment ago may not know it yet.
  await until('the batch to be taken', async () => {
    const { error } = await produce(client, at, batch)
    return error === 'NONE'
  })
  client.close()
}

/**
 * Puts a batch into the broker's log that no broker would take: a good one of the same length is
 * sent, and overwritten in the broker's own file. `flipAt` changes a byte that the checksum covers.
 */
async function plant(
  scene: Scene,
  { batch, records }: Pick<Bad, 'batch' | 'records'>,
  flipAt?: number,
): Promise<void> {
  const innocent = innocentBatch(batch.length, records)
  await send(scene, innocent)
  const planted = Buffer.from(batch)
  if (flipAt !== undefined) planted[flipAt] = (planted[flipAt] ?? 0) ^ 1
  // Before the checksum stand offset, length and leader epoch, which are the broker's.
  const [from, to] = [innocent.subarray(17), planted.subarray(17)]
  const { folder } = scene.broker
  assert.ok(folder !== undefined, 'the broker’s files are not ours')
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    const file = join(folder, name)
    if (!name.endsWith('.log') || !statSync(file).isFile()) continue
    const at = readFileSync(file).indexOf(from)
    if (at < 0) continue
    const handle = openSync(file, 'r+')
    writeSync(handle, to, 0, to.length, at)
    closeSync(handle)
    return
  }
  throw new Error('no log file holds the batch')
}

/** A good batch of so many bytes. Its text is random: there is only one in the log. */
function innocentBatch(bytes: number, records: number): Buffer {
  const mark = randomUUID()
  for (let padding = 0; padding < bytes; padding += 1) {
    const last = `${mark}${' '.repeat(padding)}`.slice(0, padding)
    const values = [...Array.from({ length: records - 1 }, () => ''), last]
    const batch = encodeBatch({ values })
    if (batch.length === bytes) return batch
  }
  throw new Error(`no good batch has ${bytes} bytes`)
}

/** 128 MB out of 4 KB: a thousand blocks that say "this byte 131,072 times". */
function zstdBomb(): Buffer {
  const block = Buffer.from([0x02, 0x00, 0x10, 0x20])
  const last = Buffer.from([0x03, 0x00, 0x10, 0x20])
  const frame = [Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x58]), ...Array(999).fill(block), last]
  const header = encodeBatch({ values: [''], attributes: zstd }).subarray(0, 61)
  const batch = Buffer.concat([header, ...frame])
  batch.writeInt32BE(batch.length - 12, 8)
  batch.writeUInt32BE(crc32c(batch, 21), 17)
  return batch
}
