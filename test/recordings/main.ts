/**
 * `npm run test:recordings`: every recording of `../shared/data/recordings` through broker, engine and
 * ClickHouse. Per block, records = rows + dead letters + deletions; in total as many as the manifest
 * says. Then the same records again for some minutes, while the engine's memory is watched: it must
 * not grow.
 */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { gunzipSync } from 'node:zlib'
import { Kafka, logLevel, type Producer } from 'kafkajs'
import { createClickHouse } from '../../cli/clickhouse.ts'
import { type DevStack, startDevStack } from '../../cli/dev-stack.ts'
import { portions } from '../../cli/portions.ts'
import { names } from '../../core/config.ts'
import { rssMb } from '../process-figures.ts'
import { slopeMbPerMinute } from './memory.ts'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '3' },
    rules: { type: 'string', default: '' },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) {
  process.stdout.write('npm run test:recordings -- [--minutes N] [--rules FOLDER]\n')
  process.exit(0)
}

const folder = new URL('../../../shared/data/recordings', import.meta.url).pathname
if (!existsSync(folder)) {
  process.stdout.write(`Skipped: ${folder} is not there.\nTests: 0 passed, 0 failed, 3 skipped\n`)
  process.exit(0)
}
const slopeMbMax = 1
const finishMsMax = 300_000
const paceRecordsPerSecond = 4_000
/** The heap takes its size in this time, behind a first pass over everything. */
const warmUpSeconds = 60

interface ManifestEntry {
  readonly file: string
  readonly events: number
}
const manifest: readonly ManifestEntry[] = JSON.parse(
  readFileSync(join(folder, 'manifest.json'), 'utf8'),
)
const total = manifest.reduce((sum, { events }) => sum + events, 0)

const dataDir = mkdtempSync(join(tmpdir(), 'ttpstream-recordings-'))
const stack = await startDevStack({ dataDir, hasUsualPorts: false })
const engine = startEngine(stack)
let failed = 0
try {
  await judge('every record is accounted for, block by block', firstPass)
  await judge(`the engine’s memory grows by less than ${slopeMbMax} MB a minute`, watchMemory)
} finally {
  const exited = once(engine, 'exit')
  engine.kill('SIGTERM')
  await exited
  await stack.close()
  rmSync(dataDir, { recursive: true, force: true })
}
process.stdout.write(`Tests: ${2 - failed} passed, ${failed} failed, 0 skipped\n`)
process.exit(failed === 0 ? 0 : 1)

async function judge(name: string, run: () => Promise<string>): Promise<void> {
  try {
    process.stdout.write(`ok   ${name}: ${await run()}\n`)
  } catch (cause) {
    failed += 1
    process.stdout.write(`FAIL ${name}: ${cause instanceof Error ? cause.message : cause}\n`)
  }
}

async function firstPass(): Promise<string> {
  const begun = performance.now()
  await replayAll(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY)
  await untilRecords(total)
  const seconds = (performance.now() - begun) / 1000
  const clickhouse = createClickHouse(stack.config)
  const answer = await clickhouse.query({
    query: `SELECT sum(p.records) AS records, sum(p.events) AS events, sum(p.dead_letters) AS dead,
        sum(p.deletions) AS deletions, sum(p.tags) AS tags, count() AS blocks,
        countIf(p.records != p.events + p.dead_letters + p.deletions) AS wrong,
        (SELECT count() FROM commands) AS rows,
        (SELECT count() FROM tags) AS tag_rows
      FROM ingest_progress AS p WHERE topic = 'ttp.commands'`,
    format: 'JSONEachRow',
    clickhouse_settings: { output_format_json_quote_64bit_integers: 0 },
  })
  const [row] = await answer.json<Record<string, number>>()
  await clickhouse.close()
  const isGood =
    row?.['records'] === total &&
    row['wrong'] === 0 &&
    row['rows'] === row['events'] &&
    row['tag_rows'] === row['tags']
  if (!isGood) throw new Error(`of ${total} records: ${JSON.stringify(row)}`)
  const rate = Math.round(total / seconds)
  return `${total} records in ${row['blocks']} blocks, ${row['tags']} tags, ${row['dead']} dead letters, ${rate}/s with replaying`
}

async function watchMemory(): Promise<string> {
  const minutes = Number(values.minutes)
  const samples: { seconds: number; mb: number }[] = []
  const begun = performance.now()
  let isDone = false
  const sampling = (async () => {
    while (!isDone) {
      samples.push({ seconds: (performance.now() - begun) / 1000, mb: rssMb(engine.pid ?? 0) })
      await setTimeout(500)
    }
  })()
  await replayAll(minutes * 60_000, paceRecordsPerSecond)
  isDone = true
  await sampling
  const settled = samples.filter(({ seconds }) => seconds > warmUpSeconds)
  const slope = slopeMbPerMinute(settled)
  const peak = Math.max(...samples.map(({ mb }) => mb))
  const text = `${slope.toFixed(2)} MB a minute over ${minutes} minutes, peak ${Math.round(peak)} MB`
  if (slope > slopeMbMax) throw new Error(text)
  return text
}

/** Sends recordings until all are sent or `msMax` has passed, no faster than `perSecond`. */
async function replayAll(msMax: number, perSecond: number): Promise<void> {
  const kafka = new Kafka({ brokers: [stack.kafka], logLevel: logLevel.NOTHING })
  const producer = kafka.producer()
  await producer.connect()
  const begun = performance.now()
  let sent = 0
  const isOver = () => performance.now() - begun > msMax
  do {
    for (const { file } of manifest) {
      const lines = gunzipSync(readFileSync(join(folder, file)))
        .toString('utf8')
        .trimEnd()
        .split('\n')
      for (const portion of portions(lines)) {
        await send(producer, portion)
        sent += portion.length
        const aheadMs = (sent / perSecond) * 1000 - (performance.now() - begun)
        if (aheadMs > 0) await setTimeout(aheadMs)
        if (isOver()) break
      }
      if (isOver()) break
    }
  } while (Number.isFinite(msMax) && !isOver())
  await producer.disconnect()
}

async function send(producer: Producer, lines: readonly string[]): Promise<void> {
  await producer.send({
    topic: 'ttp.commands',
    acks: -1,
    messages: lines.map((value) => ({ value })),
  })
}

async function untilRecords(records: number): Promise<void> {
  const clickhouse = createClickHouse(stack.config)
  try {
    for (let leftMs = finishMsMax; leftMs > 0; leftMs -= 250) {
      const answer = await clickhouse.query({
        query: `SELECT sum(records) AS records FROM ingest_progress WHERE topic = 'ttp.commands'`,
        format: 'JSONEachRow',
        clickhouse_settings: { output_format_json_quote_64bit_integers: 0 },
      })
      const [row] = await answer.json<{ records: number }>()
      if ((row?.records ?? 0) >= records) return
      if (engine.exitCode !== null) throw new Error(`the engine ended with ${engine.exitCode}`)
      await setTimeout(250)
    }
    throw new Error(`not all records were finished within ${finishMsMax / 1000} s`)
  } finally {
    await clickhouse.close()
  }
}

function startEngine({ config }: DevStack) {
  const main = new URL('../../cli/main.ts', import.meta.url).pathname
  const settings = Object.fromEntries(names().map((name) => [name, config.text(name)]))
  const rules = values.rules === '' ? {} : { TTPSTREAM_RULES: values.rules }
  return spawn(process.execPath, ['--import', 'tsx', main, 'run'], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, ...settings, ...rules, TTPSTREAM_LOG_LEVEL: 'warn' },
  })
}
