/**
 * One crash case: an engine dies or freezes at a named place, rules may be edited, another engine
 * takes over, a frozen one comes back, more records arrive, all ends well; then the oracle is asked.
 */

import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { type ClickHouseClient, createClient } from '@clickhouse/client'
import { Kafka, logLevel } from 'kafkajs'
import { migrateDatabase } from '../../cli/migrate-database.ts'
import type { FailpointName } from '../../processors/engine/failpoint.ts'
import { isFrozen } from '../process-figures.ts'
import type { Control, EngineProcessOptions } from './engine-process.ts'
import { isFinished } from './finished.ts'
import { type CaseTopics, createTopics, ruleOf, topicsOf, writeLoad } from './load.ts'
import { differences } from './oracle.ts'

export interface CrashCase {
  readonly name: string
  readonly failpoint: FailpointName
  readonly action: 'kill' | 'stop'
  readonly isEdited: boolean
  readonly control?: Control
  /** Settings of the tables' deduplication window: 0 is the third negative control. */
  readonly dedupWindow?: number
  /** One partition of commands and no other topic: while it is frozen nothing else is under way. */
  readonly isAlone?: boolean
  /** Written before the engine stops; 240 where it is absent. */
  readonly records?: number
}

export interface Servers {
  readonly bootstrap: string
  readonly clickhouseUrl: string
}

const sessionMs = 1_500
const recordsUsual = 240
const recordsAfter = 60
const waitMs = 60_000

/** Resolves to the oracle's differences; none means the case holds. Throws when the case itself cannot go on. */
export async function runCase(spec: CrashCase, servers: Servers, id: string): Promise<string[]> {
  const kafka = new Kafka({ brokers: servers.bootstrap.split(','), logLevel: logLevel.NOTHING })
  const topics = topicsOf(id)
  const rules = mkdtempSync(join(tmpdir(), 'ttpstream-crash-'))
  const engines: ChildProcess[] = []
  const clickhouse = createClient({
    url: servers.clickhouseUrl,
    database: id,
    request_timeout: 30_000,
  })
  const server = createClient({ url: servers.clickhouseUrl })
  const admin = kafka.admin()
  const { records: recordsFirst = recordsUsual, isAlone = false } = spec
  try {
    await admin.connect()
    for (const database of [id, `${id}_clean`])
      await migrateDatabase({ url: servers.clickhouseUrl, database })
    if (spec.dedupWindow !== undefined) await setWindow(clickhouse, spec.dedupWindow)
    writeFileSync(join(rules, 'word.yaml'), ruleOf('first'))
    await createTopics(kafka, topics, isAlone ? 1 : 2)
    await writeLoad(kafka, topics, 1, recordsFirst, isAlone)

    const settings = settingsOf(servers, topics, id, rules)
    const failpoint = `${spec.failpoint}:${spec.action}:3`
    const control = spec.control ?? 'none'
    const first = start({ settings, failpoint, control }, engines)
    await until('the engine to reach its failpoint', () => hasStopped(first))
    if (spec.isEdited) writeFileSync(join(rules, 'word.yaml'), ruleOf('edited'))
    const second = start({ settings, control }, engines)
    if (spec.action === 'stop') {
      await until('the second engine to take over', () => isFinished(admin, clickhouse, topics))
      first.kill('SIGCONT')
    }
    await writeLoad(kafka, topics, recordsFirst + 1, recordsAfter, isAlone)
    await until('every block to be finished', () => isFinished(admin, clickhouse, topics))
    // A zombie that is about to do harm gets the time to do it.
    if (spec.action === 'stop') await setTimeout(sessionMs)
    await Promise.all([first, second].map(end))
    return await differences(kafka, clickhouse, topics)
  } finally {
    for (const engine of engines) engine.kill('SIGKILL')
    for (const database of [id, `${id}_clean`]) {
      await server.command({ query: `DROP DATABASE IF EXISTS ${database}` })
    }
    await admin.disconnect()
    await clickhouse.close()
    await server.close()
    rmSync(rules, { recursive: true, force: true })
  }
}

function settingsOf(
  servers: Servers,
  topics: CaseTopics,
  id: string,
  rules: string,
): Record<string, string> {
  return {
    TTPSTREAM_KAFKA_BROKERS: servers.bootstrap,
    TTPSTREAM_KAFKA_GROUP: id,
    TTPSTREAM_KAFKA_SESSION_MS: String(sessionMs),
    TTPSTREAM_CLICKHOUSE_URL: servers.clickhouseUrl,
    TTPSTREAM_CLICKHOUSE_DATABASE: id,
    TTPSTREAM_RULES: rules,
    TTPSTREAM_BLOCK_RECORDS_MAX: '25',
    TTPSTREAM_TOPIC_COMMANDS: topics.commands,
    TTPSTREAM_TOPIC_ALERTS: topics.alerts,
    TTPSTREAM_TOPIC_TESTS: topics.tests,
    TTPSTREAM_TOPIC_CATALOG: topics.catalog,
    TTPSTREAM_TOPIC_TAGS: topics.tags,
    TTPSTREAM_TOPIC_DEAD_LETTERS: topics.deadLetters,
    TTPSTREAM_TOPIC_RULE_EVENTS: topics.ruleEvents,
  }
}

const engineFile = new URL('./engine-process.ts', import.meta.url).pathname

function start(options: EngineProcessOptions, engines: ChildProcess[]): ChildProcess {
  const engine = spawn(process.execPath, ['--import', 'tsx', engineFile, JSON.stringify(options)], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  engine.stderr?.on('data', (chunk) => {
    if (process.env['CRASH_VERBOSE']) process.stderr.write(chunk)
    words.set(engine, ((words.get(engine) ?? '') + chunk).slice(-wordsMax))
  })
  engines.push(engine)
  return engine
}

/** The last of what each engine said, for the message of an error. */
const words = new WeakMap<ChildProcess, string>()
const wordsMax = 2_000

async function end(engine: ChildProcess): Promise<void> {
  if (engine.exitCode !== null || engine.signalCode !== null) return
  engine.kill('SIGTERM')
  await until('the engine to stop', () => engine.exitCode !== null || engine.signalCode !== null)
}

/** Dead, or frozen by SIGSTOP. */
function hasStopped(engine: ChildProcess): boolean {
  if (engine.signalCode === 'SIGKILL') return true
  if (engine.exitCode !== null)
    throw new Error(`the engine ended by itself with ${engine.exitCode}: ${words.get(engine)}`)
  try {
    return engine.pid !== undefined && isFrozen(engine.pid)
  } catch {
    return false
  }
}

async function setWindow(clickhouse: ClickHouseClient, window: number): Promise<void> {
  const answer = await clickhouse.query({
    query: `SELECT name FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree'`,
    format: 'JSONEachRow',
  })
  for (const { name } of await answer.json<{ name: string }>()) {
    await clickhouse.command({
      query: `ALTER TABLE ${name} MODIFY SETTING non_replicated_deduplication_window = ${window}`,
    })
  }
}

async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const end = Date.now() + waitMs
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`waited ${waitMs / 1000} s for ${what}`)
    await setTimeout(50)
  }
}
