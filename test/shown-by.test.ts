import { execFile } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { ClickHouseClient } from '@clickhouse/client'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { createClickHouse } from '../cli/clickhouse.ts'
import { type DevStack, startDevStack } from '../cli/dev-stack.ts'
import { createKafka } from '../cli/kafka.ts'
import { countsOf, recordsIn } from '../cli/progress.ts'
import { coverRecordings } from '../cli/recording-coverage.ts'
import { createViews } from '../cli/views.ts'
import { startWorker, type Worker } from '../cli/worker.ts'
import { silentLog } from '../core/log.ts'

/**
 * What was shown by a recording stays shown until the logic of the rule that showed it changes, and is
 * shown again by a replay of the same events: recordings → tests → validations → an edit → the API.
 */

const root = new URL('..', import.meta.url).pathname
const folder = mkdtempSync(join(tmpdir(), 'ttpstream-shown-by-'))
const rules = join(folder, 'rules')
const ruleId = 'windows.dcsync'
const technique = 'T1003.006'
const recording = join(root, 'examples/sample/SDWIN-200805020926.ndjson.gz')
let stack: DevStack
let worker: Worker
let store: ClickHouseClient
let original = ''
let shownAt = 0

beforeAll(async () => {
  cpSync(join(root, 'rules/windows'), rules, { recursive: true })
  original = readFileSync(join(rules, 'dcsync.yaml'), 'utf8')
  stack = await startDevStack({
    dataDir: join(folder, 'data'),
    hasUsualPorts: false,
    overrides: { TTPSTREAM_RULES: rules, TTPSTREAM_API_PORT: '0' },
  })
  store = createClickHouse(stack.config)
  worker = await startWorker(stack.config, silentLog)
}, 60_000)

afterAll(async () => {
  await worker.close()
  await Promise.all([store.close(), stack.close()])
  rmSync(folder, { recursive: true, force: true })
}, 30_000)

test('a recording that a rule detects validates that rule, and the API shows what it upholds', async () => {
  const { config } = stack
  const views = createViews(config)
  const label = { id: 'dcsync', title: 'DCSync', techniques: [technique], file: recording }
  const run = { worker, kafka: createKafka(config, silentLog), config, views, say: () => {} }
  const result = await coverRecordings(run, [label])
  await views.close()
  expect(result.recordings).toMatchObject([{ isDetected: true, missReason: null, rules: [ruleId] }])
  expect(await confidence()).toMatchObject({ status: 'validated', valid_detection_count: 1 })
  // A rule saw it; that no alert was raised is told too.
  expect((await observed()).data).toMatchObject([
    { technique_id: technique, hits: 3, miss_reason: 'rule_matched_no_alert' },
  ])
  shownAt = Date.now()
}, 60_000)

test('a comment moves nothing, and nothing is to be replayed', async () => {
  const before = await confidence()
  await save(`# seen by the purple team\n${original}`)
  await setTimeout(300)
  expect(lasting(await confidence())).toEqual(lasting(before))
  expect((await regression()).data).toEqual([])
  expect(await revalidate()).toMatchObject({ code: 0, results: [] })
})

test('an edit of the logic lets the validation, the confidence and the coverage fall, by name and versions', async () => {
  const before = await confidence()
  const version = versionNow()
  await edit("not SubjectUserName: 'nobody'")
  const after = await confidence()
  expect(after).toMatchObject({ status: 'none', valid_detection_count: 0 })
  expect(after.risk_factors).toContain('rule_changed')
  expect(after.score).toBeLessThan(before.score)
  const { data, drop_pct } = await regression()
  expect(drop_pct).toBeGreaterThan(0)
  expect(data.find(({ technique_id }) => technique_id === technique)).toMatchObject({
    asset_id: `rule:${ruleId}`,
    cause: 'rule_changed',
    rule_version_from: version,
    rule_version_to: versionNow(),
    rule_file_path: 'dcsync.yaml',
  })
}, 30_000)

test('a replay of the kept events validates the new logic, once; a dry run says so and does not', async () => {
  const due = { rule_id: ruleId, technique_id: technique, outcome: 'detected' }
  const note = 'records kept in ClickHouse'
  expect(await revalidate('--dry-run')).toMatchObject({ code: 0, results: [{ ...due, note }] })
  expect(await confidence()).toMatchObject({ status: 'none' })
  expect(await revalidate()).toMatchObject({ code: 0, results: [{ ...due, note }] })
  await until('the replay', async () => (await confidence()).status === 'validated')
  expect((await regression()).data).toEqual([])
  expect(await validations()).toMatchObject([
    { validation_method: 'replay', is_valid: 0 },
    { validation_method: 'replay', is_valid: 1, test_id: `recording:dcsync/${technique}` },
  ])
  const [first, second] = await validations()
  expect(second?.expires_at).toBe(first?.expires_at)
  expect(await revalidate()).toMatchObject({ code: 0, results: [] })
}, 60_000)

test('an edit after which the rule misses the test validates nothing', async () => {
  await edit("SubjectUserName: 'nobody'")
  const answer = await revalidate()
  expect(answer).toMatchObject({ code: 1, results: [{ outcome: 'not_detected', note: 'the log' }] })
  expect(answer.results[0]?.events).toBeGreaterThan(0)
  expect(await confidence()).toMatchObject({ status: 'none' })
}, 60_000)

test('without kept records the log is read; without events nothing is claimed, but files can be given', async () => {
  await edit("not SubjectUserName: 'somebody'")
  await store.command({
    query: `ALTER TABLE commands UPDATE raw = '' WHERE true SETTINGS mutations_sync = 2`,
  })
  const detected = { outcome: 'detected' }
  expect(await revalidate('--dry-run')).toMatchObject({
    code: 0,
    results: [{ ...detected, note: 'the log' }],
  })
  await store.command({ query: 'TRUNCATE TABLE commands' })
  const gone = await revalidate()
  expect(gone).toMatchObject({ code: 1, results: [{ outcome: 'not_replayed', events: 0 }] })
  expect(gone.results[0]?.note).toContain('no event of its machines in that time is stored')
  expect(await revalidate('--events', recording)).toMatchObject({ code: 0, results: [detected] })
  await until('the replay', async () => (await confidence()).status === 'validated')
  const other = await revalidate('no.such-rule')
  expect(other).toMatchObject({ code: 0, results: [] })
}, 60_000)

/** Adds a condition to the rule's own, under a name of its own. */
async function edit(condition: string): Promise<void> {
  const [, sign, item = ''] = /^(not )?(.*)$/.exec(condition) ?? []
  // Its own samples go: one that it misses would refuse the edit.
  const bare = original.slice(0, original.indexOf('\ntests:') + 1)
  const text = bare.replace(
    /^( *)condition: (.*)$/m,
    `$1edited: { ${item} }\n$1condition: ($2) and ${sign ?? ''}edited`,
  )
  expect(text).not.toBe(bare)
  await save(text)
  await until('the asset', async () => {
    const [asset] = await rows<{ rule_version: string }>(
      `SELECT rule_version FROM asset_events WHERE asset_id = 'rule:${ruleId}' ORDER BY version DESC LIMIT 1`,
    )
    return asset?.rule_version === versionNow()
  })
}

async function save(text: string): Promise<void> {
  const before = ruleNow()?.ruleHash
  writeFileSync(join(rules, 'dcsync.yaml'), text)
  await until('the edit', async () => ruleNow()?.ruleHash !== before)
}

function ruleNow() {
  return worker.rules.rules().find(({ id }) => id === ruleId)
}

function versionNow(): string {
  return ruleNow()?.version ?? ''
}

const technical = z.looseObject({
  status: z.string(),
  valid_detection_count: z.number(),
  score: z.number(),
  risk_factors: z.array(z.string()),
})

async function confidence() {
  await finished()
  return technical.parse(await get(`/api/v1/detection-lifecycle/confidence/${technique}`))
}

/** What does not move with the clock. */
function lasting({ status, valid_detection_count, risk_factors }: z.output<typeof technical>) {
  return { status, valid_detection_count, risk_factors }
}

async function regression() {
  await finished()
  const loss = z.looseObject({ technique_id: z.string() })
  const page = z.object({ drop_pct: z.number().nullable(), data: z.array(loss) }).loose()
  const from = new Date(shownAt).toISOString()
  return page.parse(await get(`/api/v1/coverage/regression?from=${from}`))
}

async function observed() {
  const page = z.object({ data: z.array(z.looseObject({})) }).loose()
  const query = 'exercise=recordings&from=2020-01-01T00:00:00Z'
  return page.parse(await get(`/api/v1/metrics/operational/observed/tests?${query}`))
}

async function get(path: string): Promise<unknown> {
  const answer = await fetch(worker.api.url + path)
  const body: unknown = await answer.json()
  if (!answer.ok) throw new Error(`${path}: ${JSON.stringify(body)}`)
  return body
}

const answered = z.object({
  results: z.array(z.looseObject({ outcome: z.string(), events: z.number(), note: z.string() })),
})

async function revalidate(...words: readonly string[]) {
  await finished()
  const args = ['--import', 'tsx', join(root, 'cli/main.ts'), 'rules', 'revalidate', '--json']
  const env = {
    ...process.env,
    TTPSTREAM_KAFKA_BROKERS: stack.kafka,
    TTPSTREAM_CLICKHOUSE_URL: stack.clickhouse,
    TTPSTREAM_RULES: rules,
  }
  const run = promisify(execFile)(process.execPath, [...args, ...words], { env })
  const { code, stdout } = await run.then(
    (done) => ({ ...done, code: 0 }),
    (failed: { code: number; stdout: string; stderr: string }) => {
      if (failed.stdout === '') throw new Error(failed.stderr)
      return failed
    },
  )
  return { code, ...answered.parse(JSON.parse(stdout)) }
}

async function finished(): Promise<void> {
  const kafka = createKafka(stack.config, silentLog)
  const records = await recordsIn(kafka, stack.config)
  await until('the engine', async () => (await countsOf(worker)).records >= records)
}

function validations() {
  return rows<{ validation_id: string; expires_at: string }>(
    `SELECT * EXCEPT version FROM validity(at_s = ${Date.now() / 1000}, asset_id = '')
     WHERE asset_id = 'rule:${ruleId}' ORDER BY validated_at`,
  )
}

async function rows<Row>(query: string): Promise<Row[]> {
  return (await store.query({ query, format: 'JSONEachRow' })).json<Row>()
}

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  for (let leftMs = 20_000; leftMs > 0; leftMs -= 30) {
    if (await holds()) return
    await setTimeout(30)
  }
  throw new Error(`waited 20 s for ${what}`)
}
