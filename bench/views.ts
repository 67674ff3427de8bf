/**
 * What a question costs: a year of a large deployment, each endpoint of the API asked again and again, the
 * time of its queries on a ClickHouse on this machine. 20 M tags, 5 M alerts, 100 k tests, 200 k validations.
 */

import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { type ClickHouseClient, ClickHouseLogLevel, createClient } from '@clickhouse/client'
import { createApp } from '../api/app.ts'
import { createClickHouseViews } from '../api/clickhouse-views.ts'
import { migrateDatabase } from '../cli/migrate-database.ts'
import type { Views } from '../core/clickhouse.ts'
import { silentLog } from '../core/log.ts'
import { secondMs } from '../core/units.ts'
import { type SpawnedClickHouse, spawnDevClickHouse } from '../dev/clickhouse/spawn.ts'
import { loadAttack } from '../schemas/attack.ts'
import { until } from '../test/delivery/until.ts'
import { cpuSeconds } from '../test/process-figures.ts'
import type { Benchmark } from './benchmark.ts'
import { machine } from './machine.ts'
import { median } from './median.ts'
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
        /** Writes docs/benchmarks/views.md. */
        write: { type: 'boolean', default: false },
      },
    })
    const folder =
      values.data === '' ? mkdtempSync(join(tmpdir(), 'ttpstream-views-')) : values.data
    const isThere = values.data !== '' && existsSync(folder)
    const clickHouse = await spawnDevClickHouse({ dataDir: folder, port: 0 })
    const { url } = clickHouse
    try {
      await migrateDatabase({ url, database })
      const size = sized(Number(values.scale))
      if (!isThere) await load(url, size)
      await refreshSpans(url)
      const { times, only, scale } = values
      const found = await measure(clickHouse, size, Number(times), only)
      if (values.write) writePage(found, { scale, times })
      return 0
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

/** What tables that force merges of old parts come to after a day at rest, which nobody waits for here. */
async function mergeOldParts(client: ClickHouseClient): Promise<void> {
  const answer = await client.query({
    query: `SELECT name FROM system.tables WHERE database = currentDatabase()
      AND engine_full LIKE '%min_age_to_force_merge_seconds%'`,
    format: 'JSONEachRow',
  })
  for (const { name } of await answer.json<{ name: string }>()) {
    await client.command({
      query: `OPTIMIZE TABLE ${name} FINAL SETTINGS optimize_skip_merged_partitions = 1`,
    })
  }
}

/**
 * What is done every half hour; alerts that came since are put together by each question. Its parts are merged for
 * half a minute more, on a core of its own, which is none of what a question costs.
 */
async function refreshSpans(url: string): Promise<void> {
  const client = createClient({ url, database, request_timeout: 600_000 })
  await mergeOldParts(client)
  await client.command({ query: 'SYSTEM REFRESH VIEW alert_spans_refreshed' })
  await client.command({ query: 'SYSTEM WAIT VIEW alert_spans_refreshed' })
  let looksAtRest = 0
  const isAtRest = async () => {
    const answer = await client.query({
      query: 'SELECT count() AS merges FROM system.merges',
      format: 'JSONEachRow',
    })
    const [row] = await answer.json<{ merges: string }>()
    looksAtRest = Number(row?.merges) === 0 ? looksAtRest + 1 : 0
    // A merge begins some time after its parts are there.
    return looksAtRest === 3
  }
  await until('ClickHouse to have merged', isAtRest, 600 * secondMs, secondMs)
  await client.close()
}

/** The lines of the table. */
async function measure(
  { url, pid }: SpawnedClickHouse,
  size: Size,
  times: number,
  only: string,
): Promise<string[]> {
  const source = createClickHouseViews({
    url,
    database,
    username: 'default',
    password: '',
    // More than the API waits: a figure says more than that there is none.
    queryMsMax: 120_000,
  })
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
  const lines = [
    '| question | p50 ms | p95 ms | CPU ms | machine ms | target | |',
    '| --- | --: | --: | --: | --: | --: | --- |',
  ]
  say(`${machine()}\n\n${lines.join('\n')}`)
  const client = createClient({ url, database })
  let misses = 0
  let before = await machineMs(client)
  for (const question of questions({ ...size, endMs })) {
    if (!question.name.includes(only)) continue
    const turns = isQuick(question) ? times * quickTimes : times
    const { p50, p95, cpuMs } = await ask(app, timed, question, turns, pid)
    const after = await machineMs(client)
    const pace = (before + after) / 2
    before = after
    const isMissed = question.targetMs !== null && p95 > question.targetMs
    if (isMissed) misses += 1
    const target = question.targetMs === null ? '–' : `${question.targetMs}`
    const verdict = question.targetMs === null ? '' : isMissed ? 'missed' : 'met'
    const figures = [p50, p95, cpuMs, pace].map((ms) =>
      ms === Infinity ? 'stopped' : ms.toFixed(0),
    )
    const line = `| ${[question.name, ...figures, target, verdict].join(' | ')} |`
    lines.push(line)
    say(line)
  }
  const total = misses === 0 ? 'All targets are met.' : `${misses} targets are missed.`
  say(`\n${total}`)
  await source.close()
  await client.close()
  return [...lines, '', total]
}

/** Of thirty answers the 95th percentile is the second slowest: where it is cheap, more are asked for. */
const quickTimes = 4
const quickMs = 300
const isQuick = ({ targetMs }: Question) => targetMs !== null && targetMs <= quickMs

/** What the same computation takes each time, on one thread: how much the machine gives just then. The median of five. */
async function machineMs(client: ClickHouseClient): Promise<number> {
  const took: number[] = []
  for (let turn = 0; turn < 5; turn += 1) {
    const begun = performance.now()
    await client.command({
      query: 'SELECT max(sipHash64(number)) FROM numbers(2000000) SETTINGS max_threads = 1',
    })
    took.push(performance.now() - begun)
  }
  return median(took)
}

type App = ReturnType<typeof createApp>

/**
 * Twice to warm up, as a service is; then `times` times, each with another subject. A question that the
 * API gave up on counts as endless, and is not asked again. CPU is that of the whole ClickHouse.
 */
async function ask(app: App, timed: TimedViews, question: Question, times: number, pid: number) {
  const took: number[] = []
  let before = cpuSeconds(pid)
  for (let turn = -2; turn < times; turn += 1) {
    if (turn === 0) before = cpuSeconds(pid)
    timed.ms = 0
    const path = question.path(turn + 2)
    const response = await app.request(path)
    const text = await response.text()
    if (response.status === 503) return { p50: Infinity, p95: Infinity, cpuMs: Infinity }
    if (response.status !== 200) throw new Error(`${path}: ${response.status} ${text}`)
    if (turn >= 0) took.push(timed.ms)
  }
  const cpuMs = ((cpuSeconds(pid) - before) * 1000) / times
  const sorted = took.toSorted((a, b) => a - b)
  const quantile = (share: number) => sorted[Math.ceil(sorted.length * share) - 1] ?? 0
  return { p50: quantile(0.5), p95: quantile(0.95), cpuMs }
}

function writePage(lines: readonly string[], { scale, times }: { scale: string; times: string }) {
  const path = fileURLToPath(new URL('../docs/benchmarks/views.md', import.meta.url))
  const kept = existsSync(path)
    ? readFileSync(path, 'utf8').split('<!-- By hand. -->')[1]
    : undefined
  const text = [
    '# What a question costs',
    '',
    '<!-- Written by `npm run bench -- views --write`, above the mark. -->',
    '',
    `${machine()}. Share of the full size: ${scale}; each question ${times} times, after two to warm up;`,
    `those with a target of up to ${quickMs} ms ${quickTimes} times as often.`,
    '',
    'A year of 20 M tags, 5 M alerts (three in ten closed by a later record), 100 k tests with three updates each,',
    '200 k validations of 3 k assets, in the ClickHouse of `npm run dev`. Time is that of the queries of a request',
    'to the API; CPU is what all threads of ClickHouse took. On a machine with other load, read CPU. “Machine” is what',
    'one and the same computation took around the question: where it took longer, so did all else.',
    '',
    ...lines,
  ]
  writeFileSync(path, `${text.join('\n')}\n\n<!-- By hand. -->${kept ?? '\n'}`)
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
