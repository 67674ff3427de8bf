import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import type { ClickHouseClient } from '@clickhouse/client'
import type { Producer } from 'kafkajs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createClickHouse } from '../cli/clickhouse.ts'
import { type DevStack, startDevStack } from '../cli/dev-stack.ts'
import { createKafka } from '../cli/kafka.ts'
import { startWorker, type Worker } from '../cli/worker.ts'
import { silentLog } from '../core/log.ts'

/** The daily run through the log (L9, L10): records what changed, once. */

const folder = mkdtempSync(join(tmpdir(), 'ttpstream-decay-'))
let stack: DevStack
let worker: Worker
let store: ClickHouseClient
let producer: Producer

beforeAll(async () => {
  stack = await startDevStack({
    dataDir: folder,
    hasUsualPorts: false,
    overrides: { TTPSTREAM_RULE_ASSETS: 'false', TTPSTREAM_API_PORT: '0' },
  })
  store = createClickHouse(stack.config)
  producer = createKafka(stack.config, silentLog).producer()
  await producer.connect()
  worker = await startWorker(stack.config, silentLog)
  await put('detection_asset', 'a', { name: 'A', asset_type: 'edr', platform: 'windows' })
  await put('mapping', 'a/T1033', { asset_id: 'a', technique_id: 'T1033' })
  await put('mapping', 'a/T1057', { asset_id: 'a', technique_id: 'T1057' })
  await validate('v1', 'T1033')
  await validate('v2', null)
  await finished('validation', 2)
}, 60_000)

afterAll(async () => {
  await producer.disconnect()
  await worker.close()
  await store.close()
  await stack.close()
  rmSync(folder, { recursive: true, force: true })
}, 30_000)

test('a run while all is valid leaves the snapshot of the day and nothing else', async () => {
  const result = await worker.duties.decay()
  expect(result).toMatchObject({ began: 0, ended: 0, opened: [], records: 1 })
  expect(result.snapshot).toMatchObject({ validated: 2, partial: 0, attack_release: '18.1' })
  expect(result.snapshot?.['techniques']).toMatchObject([
    { technique_id: 'T1033', status: 'validated', score: expect.any(Number) },
    { technique_id: 'T1057', status: 'validated' },
  ])
  expect(result.snapshot?.['coverage_pct']).toBeCloseTo(
    (2 / Number(result.snapshot?.['total'])) * 100,
  )
  expect(await worker.duties.decay()).toMatchObject({ snapshot: null, records: 0 })
})

test('a change of infrastructure is recorded as begun, and opens one item a technique, once', async () => {
  await put('infrastructure_change', 'c1', {
    change_type: 'migration',
    affected_platforms: ['windows'],
    change_date: new Date().toISOString(),
  })
  await finished('infrastructure_change', 1)
  const result = await worker.duties.decay()
  expect(result).toMatchObject({ began: 2, ended: 0, opened: ['T1033', 'T1057'], records: 4 })
  await finished('queue_item', 2)
  expect(await worker.duties.decay()).toMatchObject({ records: 0 })
  expect((await of('validity_change')).map(entityOf)).toMatchObject([
    { validation_id: 'v1', is_valid: false, causes: ['infrastructure_event'] },
    { validation_id: 'v2', is_valid: false, causes: ['infrastructure_event'] },
  ])
  expect((await of('queue_item')).map(entityOf)).toMatchObject([
    { technique_id: 'T1033', asset_id: 'a', status: 'pending' },
    { technique_id: 'T1057', asset_id: 'a', status: 'pending' },
  ])
  expect(await worker.duties.decay()).toMatchObject({ records: 0 })
})

test('an item that somebody dismissed does not come back without a new success', async () => {
  const [item] = await of('queue_item')
  await put('queue_item', item?.id ?? '', { technique_id: 'T1033', status: 'dismissed' })
  await finished('queue_item', 3)
  expect(await worker.duties.decay()).toMatchObject({ opened: [], records: 0 })
})

test('a cause that is taken back is recorded as ended', async () => {
  await put('infrastructure_change', 'c1', {}, 'delete')
  await finished('infrastructure_change', 2)
  expect(await worker.duties.decay()).toMatchObject({ began: 0, ended: 2, opened: [] })
  await finished('validity_change', 4)
  expect(await worker.duties.decay()).toMatchObject({ records: 0 })
})

test('a worker that starts anew knows of the runs before it', async () => {
  await worker.close()
  worker = await startWorker(stack.config, silentLog)
  expect(await worker.duties.decay()).toMatchObject({ records: 0 })
}, 60_000)

test('a run that is asked for through the API sees what came before it, and answers', async () => {
  await put('infrastructure_change', 'c2', {
    change_type: 'migration',
    affected_platforms: ['windows'],
    change_date: new Date().toISOString(),
  })
  const asked = await fetch(`${worker.api.url}/api/v1/detection-lifecycle/decay/run`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{}',
  })
  expect([200, 202]).toContain(asked.status)
  await finished('decay_run', 1)
  const runs = await fetch(`${worker.api.url}/api/v1/detection-lifecycle/decay/runs`)
  expect(await runs.json()).toMatchObject({
    total: 1,
    data: [{ began: 2, ended: 0, snapshot_date: null, finished_at: expect.any(String) }],
  })
})

test('a request that no worker answered is answered by the next, once', async () => {
  await worker.close()
  await put('decay_request', 'r1', {})
  await put('decay_request', 'r2', {})
  worker = await startWorker(stack.config, silentLog)
  await finished('decay_run', 3)
  await worker.close()
  worker = await startWorker(stack.config, silentLog)
  await put('infrastructure_change', 'c3', {
    change_type: 'x',
    change_date: '2020-01-01T00:00:00Z',
  })
  await finished('infrastructure_change', 4)
  expect((await of('decay_run')).map(({ id }) => id)).toEqual(expect.arrayContaining(['r1', 'r2']))
  expect(await of('decay_run')).toHaveLength(3)
}, 60_000)

test('nobody but the run itself may state a snapshot', async () => {
  const day = { date: '2020-01-01', coverage_pct: 99, validated: 9, partial: 0, total: 9 }
  const computed = { attack_release: '18.1', computed_at: '2020-01-01T02:00:00Z' }
  await put('coverage_snapshot', '2020-01-01', { ...day, ...computed })
  await until(async () => {
    const answer = await store.query({
      query: `SELECT count() AS n FROM dead_letters WHERE code = 'invalid-catalog'`,
      format: 'JSONEachRow',
    })
    const [row] = await answer.json<{ n: number | string }>()
    return Number(row?.n) === 1
  })
  expect(await of('coverage_snapshot')).toHaveLength(1)
})

function validate(id: string, technique_id: string | null): Promise<void> {
  return put('validation', id, { asset_id: 'a', technique_id, validation_result: 'detected' })
}

async function put(kind: string, id: string, entity: object, op = 'put'): Promise<void> {
  const value = JSON.stringify({ kind, id, op, actor: 'jane', entity })
  await producer.send({
    topic: stack.config.text('TTPSTREAM_TOPIC_CATALOG'),
    acks: -1,
    messages: [{ key: `${kind}:${id}`, value }],
  })
}

interface Event {
  readonly id: string
  readonly entity: string
}

/** The views behind catalog_events are filled after it: wait for the block to be finished. */
async function finished(kind: string, count: number): Promise<void> {
  await until(async () => {
    const found = await of(kind)
    if (found.length !== count) return false
    const answer = await store.query({
      query: `SELECT max(p.last_offset) >= (SELECT max(offset) FROM catalog_events) AS is_done
        FROM ingest_progress AS p WHERE topic = 'ttp.catalog'`,
      format: 'JSONEachRow',
    })
    const [row] = await answer.json<{ is_done: number }>()
    return row?.is_done === 1
  })
}

async function of(kind: string): Promise<Event[]> {
  const answer = await store.query({
    query: `SELECT id, entity FROM catalog_events WHERE kind = '${kind}' ORDER BY version`,
    format: 'JSONEachRow',
  })
  return answer.json<Event>()
}

function entityOf({ entity }: Event): unknown {
  return JSON.parse(entity)
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let leftMs = 15_000; leftMs > 0; leftMs -= 30) {
    if (await holds()) return
    await setTimeout(30)
  }
  throw new Error('waited 15 s')
}
