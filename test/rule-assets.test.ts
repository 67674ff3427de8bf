import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
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

/** Rules as detection assets, from a file on disk to what the views say of its validations (L1 to L4). */

const folder = mkdtempSync(join(tmpdir(), 'ttpstream-assets-'))
const rules = join(folder, 'rules')
let stack: DevStack
let worker: Worker
let store: ClickHouseClient
let producer: Producer

beforeAll(async () => {
  mkdirSync(rules)
  write('whoami')
  stack = await startDevStack({
    dataDir: join(folder, 'data'),
    hasUsualPorts: false,
    overrides: { TTPSTREAM_RULES: rules, TTPSTREAM_API_PORT: '0' },
  })
  store = createClickHouse(stack.config)
  producer = createKafka(stack.config, silentLog).producer()
  await producer.connect()
  worker = await startWorker(stack.config, silentLog)
  await worker.duties.ruleAssets.settled
}, 60_000)

afterAll(async () => {
  await producer.disconnect()
  await worker.close()
  await store.close()
  await stack.close()
  rmSync(folder, { recursive: true, force: true })
}, 30_000)

test('a rule is a candidate with its hashes and its mapping, and is not counted before it is adopted', async () => {
  await until(async () => (await assets()).length === 1)
  expect(await assets()).toMatchObject([
    {
      asset_id: 'rule:dev.word',
      op: 'put',
      actor: 'ttpstream:rules',
      name: 'A word',
      asset_type: 'native',
      log_source_name: 'command',
      rule_file_path: 'word.yaml',
      rule_version: worker.rules.rules()[0]?.version,
      rule_hash: worker.rules.rules()[0]?.ruleHash,
      logic_hash: worker.rules.rules()[0]?.logicHash,
      adoption: 'candidate',
    },
  ])
  await until(async () => (await states()).length === 1)
  expect(await states()).toMatchObject([
    { technique_id: 'T1033', confidence_level: 'high', is_counted: false },
  ])
})

test('an edit of the logic ends validations of the old logic, and the old logic brings them back', async () => {
  await put('validation', 'v1', {
    asset_id: 'rule:dev.word',
    technique_id: 'T1033',
    validation_result: 'detected',
  })
  await until(async () => (await causes()) !== undefined)
  expect(await causes()).toEqual([])
  write('hostname')
  await until(async () => (await causes())?.includes('rule_changed') === true)
  expect(await assets()).toHaveLength(2)
  write('whoami')
  await until(async () => (await causes())?.length === 0)
  expect(await assets()).toHaveLength(3)
})

test('a comment publishes nothing and changes no validation', async () => {
  const before = worker.rules.rules()[0]?.ruleHash
  write('whoami', '# a comment\n')
  await until(async () => worker.rules.rules()[0]?.ruleHash !== before)
  // What is published after it is read after it, too.
  await put('technique_review', 'r1', { technique_id: 'T1033' })
  await setTimeout(300)
  await until(
    async () => (await count(`SELECT count() AS n FROM catalog_events WHERE id = 'r1'`)) === 1,
  )
  expect(await assets()).toHaveLength(3)
  expect(await causes()).toEqual([])
})

test('what somebody says of the asset stays, and at no moment does its rule look changed', async () => {
  await put('detection_asset', 'rule:dev.word', {
    name: 'A word',
    asset_type: 'native',
    owner_id: 'u-12',
  })
  await until(async () => (await assets()).length === 5)
  const [theirs, ours] = (await assets()).slice(-2)
  expect(theirs).toMatchObject({ actor: 'jane', logic_hash: '' })
  expect(ours).toMatchObject({ actor: 'ttpstream:rules', adoption: 'adopted', owner_id: 'u-12' })
  expect(ours?.event_time).toBe(theirs?.event_time)
  expect(await causes()).toEqual([])
})

test('a restart publishes nothing that the catalog already holds', async () => {
  const before = await assets()
  await worker.close()
  worker = await startWorker(stack.config, silentLog)
  await worker.duties.ruleAssets.settled
  expect(worker.duties.ruleAssets.sent).toBe(0)
  expect(await assets()).toEqual(before)
}, 60_000)

test('a rule that is gone ends its asset and mapping, and comes back with its validations', async () => {
  writeFileSync(join(rules, 'other.yaml'), rule('ps aux').replace('dev.word', 'dev.other'))
  rmSync(join(rules, 'word.yaml'))
  await until(async () => (await causes())?.includes('asset_deactivated') === true)
  await until(async () => (await assets()).some(({ asset_id }) => asset_id === 'rule:dev.other'))
  expect((await states()).map(({ asset_id }) => asset_id)).toEqual(['rule:dev.other'])
  write('whoami')
  await until(async () => (await causes())?.length === 0)
  await until(async () => (await states()).length === 2)
})

function write(word: string, comment = ''): void {
  writeFileSync(join(rules, 'word.yaml'), comment + rule(word))
}

function rule(word: string): string {
  return `rule_id: dev.word
rule_version: 1
name: A word
applies_to: [command]
match:
  pattern: '${word}'
emits:
  - technique_id: T1033
    tactic: TA0007
    confidence: 0.8
`
}

async function put(kind: string, id: string, entity: object): Promise<void> {
  const value = JSON.stringify({ kind, id, actor: 'jane', entity })
  await producer.send({
    topic: stack.config.text('TTPSTREAM_TOPIC_CATALOG'),
    acks: -1,
    messages: [{ key: `${kind}:${id}`, value }],
  })
}

async function rows<T>(query: string): Promise<T[]> {
  const answer = await store.query({ query, format: 'JSONEachRow' })
  return answer.json<T>()
}

async function count(query: string): Promise<number> {
  const [row] = await rows<{ n: number | string }>(query)
  return Number(row?.n ?? 0)
}

interface Asset {
  readonly asset_id: string
  readonly event_time: string
}

function assets(): Promise<Asset[]> {
  return rows('SELECT * FROM asset_events ORDER BY version')
}

function states(): Promise<{ asset_id: string }[]> {
  return rows(`SELECT * FROM detection_state(at_s = ${Date.now() / 1000}) ORDER BY asset_id`)
}

async function causes(): Promise<string[] | undefined> {
  const found = await rows<{ causes: string[] }>(
    `SELECT causes FROM validity(at_s = ${Date.now() / 1000}, asset_id = '') WHERE validation_id = 'v1'`,
  )
  return found[0]?.causes
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let leftMs = 15_000; leftMs > 0; leftMs -= 30) {
    if (await holds()) return
    await setTimeout(30)
  }
  throw new Error(`waited 15 s; assets: ${JSON.stringify(await assets(), null, 1)}`)
}
