import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ClickHouseClient } from '@clickhouse/client'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { createClickHouse } from '../cli/clickhouse.ts'
import { type DevStack, startDevStack } from '../cli/dev-stack.ts'
import { createKafka } from '../cli/kafka.ts'
import { startWorker } from '../cli/worker.ts'
import { silentLog } from '../core/log.ts'

/** Merges through Kafka and an engine that is stopped in between: the next one remembers them. */

const folder = mkdtempSync(join(tmpdir(), 'ttpstream-merges-'))
let stack: DevStack
let store: ClickHouseClient

beforeAll(async () => {
  stack = await startDevStack({
    dataDir: folder,
    hasUsualPorts: false,
    overrides: { TTPSTREAM_RULE_ASSETS: 'false', TTPSTREAM_API_PORT: '0' },
  })
  store = createClickHouse(stack.config)
}, 60_000)

afterAll(async () => {
  await store.close()
  await stack.close()
  rmSync(folder, { recursive: true, force: true })
}, 30_000)

test('a merge that closes a circle over one from before a restart is a dead letter', async () => {
  await runWith(async () => {
    await put('m1', 'red', 'blue')
    await vi.waitFor(async () => expect(await rowsOf('catalog_events')).toBe(1), 20_000)
  })
  await runWith(async () => {
    await put('m2', 'blue', 'red')
    await put('m3', 'green', 'red')
    await vi.waitFor(async () => expect(await rowsOf('catalog_events')).toBe(2), 20_000)
  })
  const answer = await store.query({
    query: "SELECT code, reason, offset FROM dead_letters WHERE topic = 'ttp.catalog'",
    format: 'JSONEachRow',
    clickhouse_settings: { output_format_json_quote_64bit_integers: 0 },
  })
  expect(await answer.json()).toEqual([
    {
      code: 'merge-circle',
      reason: 'this would close a circle: blue → red → blue',
      offset: 1,
    },
  ])
}, 90_000)

async function runWith(work: () => Promise<void>): Promise<void> {
  const worker = await startWorker(stack.config, silentLog)
  try {
    await work()
  } finally {
    await worker.close()
  }
}

async function put(id: string, loser_id: string, winner_id: string): Promise<void> {
  const producer = createKafka(stack.config, silentLog).producer()
  await producer.connect()
  const entity = { entity_kind: 'identity', loser_id, winner_id }
  const value = JSON.stringify({ kind: 'merge', id, entity })
  await producer.send({ topic: 'ttp.catalog', messages: [{ value }] })
  await producer.disconnect()
}

async function rowsOf(table: string): Promise<number> {
  const answer = await store.query({
    query: `SELECT count() AS n FROM ${table} WHERE kind = 'merge'`,
    format: 'JSONEachRow',
  })
  const [row] = await answer.json<{ n: string }>()
  return Number(row?.n)
}
