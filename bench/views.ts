/**
 * What a question costs: a year of a large deployment, each endpoint of the API asked again and again, the
 * time of its queries on a ClickHouse on this machine. 20 M tags, 5 M alerts, 100 k tests, 200 k validations.
 */

import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { ClickHouseLogLevel, createClient } from '@clickhouse/client'
import { createApp } from '../api/app.ts'
import { createClickHouseViews } from '../api/clickhouse-views.ts'
import { migrateDatabase } from '../cli/migrate-database.ts'
import type { Views } from '../core/clickhouse.ts'
import { silentLog } from '../core/log.ts'
import { spawnDevClickHouse } from '../dev/clickhouse/spawn.ts'
import { loadAttack } from '../schemas/attack.ts'
import type { Benchmark } from './benchmark.ts'
import { machine } from './machine.ts'
import { endMs, fill, type Size } from './views-data.ts'
import { type Question, questions } from './views-questions.ts'

const say = (line: string) => process.stdout.write(`${line}\n`)
const database = 'ttpstream'

export const views: Benchmark = {
  name: 'views',
  summary: 'Queries of the API at 20 M tags, against their targets.',
  async run(args) {
    const { values } = parseArgs({
      args: [...args],
      options: {
        /** Share of the full size. */
        scale: { type: 'string', default: '1' },
        times: { type: 'string', default: '30' },
        only: { type: 'string', default: '' },
        /** Kept, and used again where it is there. */
        data: { type: 'string', default: '' },
      },
    })
    say(machine())
    const folder =
      values.data === '' ? mkdtempSync(join(tmpdir(), 'ttpstream-views-')) : values.data
    const isThere = values.data !== '' && existsSync(folder)
    const clickHouse = await spawnDevClickHouse({ dataDir: folder, port: 0 })
    const { url } = clickHouse
    try {
      await migrateDatabase({ url, database })
      const size = sized(Number(values.scale))
      if (!isThere) await load(url, size)
      return await measure(url, size, Number(values.times), values.only)
    } finally {
      await clickHouse.close()
      if (values.data === '') rmSync(folder, { recursive: true, force: true })
    }
  },
}

function sized(scale: number): Size {
  const of = (full: number) => Math.ceil(full * scale)
  return {
    tags: of(20e6),
    alerts: of(5e6),
    tests: of(100e3),
    validations: of(200e3),
    assets: 3_000,
    identities: of(100e3),
    attackers: of(200e3),
    sessions: of(2e6),
  }
}

async function load(url: string, size: Size): Promise<void> {
  const log = { level: ClickHouseLogLevel.OFF }
  const client = createClient({ url, database, request_timeout: 600_000, log })
  await fill(client, size, say)
  await client.close()
}

async function measure(url: string, size: Size, times: number, only: string): Promise<number> {
  const source = createClickHouseViews({ url, database, username: 'default', password: '' })
  const timed = new TimedViews(source)
  const app = createApp({
    views: timed,
    attack: loadAttack(),
    publish: () => Promise.reject(new Error('nothing is written here')),
    rules: () => [],
    ruleStates: () => new Map(),
    health: { isAlive: () => true, readiness: () => ({ ready: true, reasons: [] }) },
    metrics: async () => '',
    clock: { now: () => endMs },
    log: silentLog,
    auth: { kind: 'open' },
  })
  say('\n| question | p50 ms | p95 ms | target | |\n| --- | --: | --: | --: | --- |')
  let misses = 0
  for (const question of questions({ ...size, endMs })) {
    if (!question.name.includes(only)) continue
    const found = await ask(app, timed, question, times)
    const isMissed = question.targetMs !== null && found.p95 > question.targetMs
    if (isMissed) misses += 1
    const target = question.targetMs === null ? '–' : `${question.targetMs}`
    const verdict = question.targetMs === null ? '' : isMissed ? 'missed' : 'met'
    say(
      `| ${question.name} | ${found.p50.toFixed(0)} | ${found.p95.toFixed(0)} | ${target} | ${verdict} |`,
    )
  }
  say(misses === 0 ? '\nAll targets are met.' : `\n${misses} targets are missed.`)
  await source.close()
  return 0
}

type App = ReturnType<typeof createApp>

/** Twice to warm up, as a service is; then `times` times, each with another subject. */
async function ask(app: App, timed: TimedViews, question: Question, times: number) {
  const took: number[] = []
  for (let turn = -2; turn < times; turn += 1) {
    timed.ms = 0
    const path = question.path(turn + 2)
    const response = await app.request(path)
    const text = await response.text()
    if (response.status !== 200) throw new Error(`${path}: ${response.status} ${text}`)
    if (turn >= 0) took.push(timed.ms)
  }
  const sorted = took.toSorted((a, b) => a - b)
  const quantile = (share: number) => sorted[Math.ceil(sorted.length * share) - 1] ?? 0
  return { p50: quantile(0.5), p95: quantile(0.95) }
}

/** Adds up the time of a request's queries; such as run side by side count from first to last. */
class TimedViews implements Views {
  ms = 0
  readonly #views: Views
  #running = 0
  #since = 0

  constructor(source: Views) {
    this.#views = source
  }

  async select<Row>(...args: Parameters<Views['select']>): Promise<Row[]> {
    if (this.#running === 0) this.#since = performance.now()
    this.#running += 1
    try {
      return await this.#views.select<Row>(...args)
    } finally {
      this.#running -= 1
      if (this.#running === 0) this.ms += performance.now() - this.#since
    }
  }
}
