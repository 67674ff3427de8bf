import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createClickHouse } from '../cli/clickhouse.ts'
import { testsImport } from '../cli/commands/tests.ts'
import { type DevStack, startDevStack } from '../cli/dev-stack.ts'
import { startWorker, type Worker } from '../cli/worker.ts'
import { silentLog } from '../core/log.ts'

/** `ttpstream tests import` through broker and engine to what the store says of the tests. */

const folder = mkdtempSync(join(tmpdir(), 'ttpstream-import-'))
const file = join(folder, 'tests.csv')
let stack: DevStack
let worker: Worker

beforeAll(async () => {
  const overrides = { TTPSTREAM_RULE_ASSETS: 'false', TTPSTREAM_API_PORT: '0' } as const
  stack = await startDevStack({ dataDir: join(folder, 'data'), hasUsualPorts: false, overrides })
  worker = await startWorker(stack.config, silentLog)
  process.env['TTPSTREAM_KAFKA_BROKERS'] = stack.kafka
}, 60_000)

afterAll(async () => {
  delete process.env['TTPSTREAM_KAFKA_BROKERS']
  await worker.close()
  await stack.close()
  rmSync(folder, { recursive: true, force: true })
}, 30_000)

test('a dry run publishes nothing; then each good line is a test, and a second import adds none', async () => {
  writeFileSync(
    file,
    `Name,Technique ID,Host,Outcome,Status,Attack Start
DCSync,T1003.006,dc1,Alerted,Completed,2026-11-20T10:00:00Z
Whoami,T1033,ws5,None,Completed,2026-11-20T11:00:00Z
Bad,nothing,ws5,None,Completed,2026-11-20T11:00:00Z
`,
  )
  const dry = await run('--dry-run')
  expect(dry.code).toBe(1)
  expect(dry.out).toContain('Technique ID                 technique_id')
  expect(dry.err).toContain(`${file}:4: `)
  expect(dry.out).toContain('2 tests would be published, 1 lines left out')
  await run()
  await run()
  const store = createClickHouse(stack.config)
  const rows = await eventually(async () => {
    const answer = await store.query({
      query: `SELECT test_id, technique_id, state, detection_result, hosts
        FROM test_rounds(at_s = ${Date.now() / 1000}, rounds = 'latest') ORDER BY technique_id`,
      format: 'JSONEachRow',
    })
    return answer.json()
  }, 2)
  expect(rows).toMatchObject([
    { technique_id: 'T1003.006', state: 'validated', detection_result: 'detected' },
    { technique_id: 'T1033', state: 'validated', detection_result: 'not_detected' },
  ])
  const answer = await store.query({
    query: `SELECT count() AS n, uniqExact(test_id) AS ids FROM test_events`,
    format: 'JSONEachRow',
    clickhouse_settings: { output_format_json_quote_64bit_integers: 0 },
  })
  // The dry run left no record; the second import repeats the first one's.
  expect(await answer.json()).toEqual([{ n: 4, ids: 2 }])
  await store.close()
})

async function run(...flags: string[]) {
  let out = ''
  let err = ''
  const options = { 'dry-run': flags.includes('--dry-run') }
  const code = await testsImport.run(
    { options, rest: [file] },
    {
      out: (text) => {
        out += text
      },
      err: (text) => {
        err += text
      },
      signal: new AbortController().signal,
    },
  )
  return { code, out, err }
}

async function eventually(read: () => Promise<unknown[]>, count: number): Promise<unknown[]> {
  for (let leftMs = 15_000; leftMs > 0; leftMs -= 50) {
    const rows = await read()
    const { records } = { records: await worker.metrics.total('ttpstream_records_total') }
    if (rows.length >= count && records >= 4) return rows
    await setTimeout(50)
  }
  throw new Error('waited 15 s')
}
