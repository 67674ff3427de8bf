/**
 * One round of faults: members of a group take in a load while a schedule kills, freezes and cuts
 * them, Kafka and ClickHouse; then everything is made well, drained and stopped, and the oracle is
 * asked. A member that ends unasked, one that does not end when asked, and a drain that takes too
 * long are differences too.
 */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { type ClickHouseClient, createClient } from '@clickhouse/client'
import { type Admin, Kafka, logLevel } from 'kafkajs'
import { installConnectionRules } from '../../processors/engine/wire/kafkajs-connection.ts'
import { Front } from '../delivery/front.ts'
import { until } from '../delivery/until.ts'
import type { FaultServers } from './fault-servers.ts'
import { isFinished } from './finished.ts'
import { Fleet } from './fleet.ts'
import { type CaseTopics, createTopics, ruleOf, topicsOf } from './load.ts'
import { differences, type LogEntry, readLogIn, select } from './oracle.ts'
import { alerted, correlated } from './oracle-correlations.ts'
import { RoundFaults } from './round-faults.ts'
import { RoundLoad } from './round-load.ts'
import { faultSeconds, type Schedule } from './schedule.ts'

export interface RoundResult {
  readonly differences: readonly string[]
  /** Records in the topics that go in. */
  readonly records: number
  readonly drainSeconds: number
  /** Where the members' logs are, if there are differences. */
  readonly logs?: string
}

const sessionMs = 1_500
const startMsMax = 60_000
const drainMsMax = 300_000
const standstillMsMax = 30_000
/** A question whose answer was lost holds a correlator for 25 s (`queryMsMax` and 5), then it asks again. */
const alertMsMax = 60_000
/** Each question costs the servers of a busy machine something. */
const pollMs = 300
const pace = { records: 20, everyMs: 200 }

export async function runRound(
  id: string,
  schedule: Schedule,
  servers: FaultServers,
): Promise<RoundResult> {
  const round = await Round.create(id, servers)
  let isGood = false
  try {
    const result = await round.run(schedule)
    isGood = result.differences.length === 0
    return isGood ? result : { ...result, logs: round.folder }
  } finally {
    await round.close(!isGood || process.env['CRASH_VERBOSE'] !== undefined)
  }
}

/** What a member of a round is started with; small blocks, so that there are many. */
export function memberSettings(
  topics: CaseTopics,
  over: Readonly<Record<string, string>>,
): Record<string, string> {
  return {
    TTPSTREAM_KAFKA_SESSION_MS: String(sessionMs),
    TTPSTREAM_BLOCK_RECORDS_MAX: '30',
    TTPSTREAM_CORRELATION_MS: '1000',
    TTPSTREAM_API_PORT: '0',
    TTPSTREAM_TOPIC_COMMANDS: topics.commands,
    TTPSTREAM_TOPIC_ALERTS: topics.alerts,
    TTPSTREAM_TOPIC_TESTS: topics.tests,
    TTPSTREAM_TOPIC_CATALOG: topics.catalog,
    TTPSTREAM_TOPIC_TAGS: topics.tags,
    TTPSTREAM_TOPIC_DEAD_LETTERS: topics.deadLetters,
    TTPSTREAM_TOPIC_RULE_EVENTS: topics.ruleEvents,
    ...over,
  }
}

export class Round {
  readonly group: string
  readonly topics: CaseTopics
  readonly clickhouse: ClickHouseClient
  readonly fleet: Fleet
  readonly kafka: Kafka
  readonly load: RoundLoad
  readonly #servers: FaultServers
  readonly #front: Front
  readonly admin: Admin
  readonly #database: string
  /** The members' logs. */
  readonly folder: string
  readonly #rules: string
  #isEdited = false
  readonly #faults: RoundFaults

  private constructor(
    id: string,
    servers: FaultServers,
    front: Front,
    database: string,
    over: Readonly<Record<string, string>>,
  ) {
    this.group = id
    this.topics = topicsOf(id)
    this.#servers = servers
    this.#front = front
    this.#database = database
    this.folder = mkdtempSync(join(tmpdir(), 'ttpstream-round-'))
    this.#rules = mkdtempSync(join(tmpdir(), 'ttpstream-round-rules-'))
    // The round's own clients meet the same faults.
    installConnectionRules()
    this.kafka = new Kafka({
      brokers: servers.bootstrap.split(','),
      logLevel: logLevel.NOTHING,
      requestTimeout: 5_000,
      retry: { initialRetryTime: 50, maxRetryTime: 500, retries: 20 },
    })
    this.admin = this.kafka.admin()
    const { url } = servers.databases
    this.clickhouse = createClient({ url, database, request_timeout: 30_000 })
    this.fleet = new Fleet(
      memberSettings(this.topics, {
        TTPSTREAM_KAFKA_BROKERS: servers.bootstrap,
        TTPSTREAM_KAFKA_GROUP: id,
        TTPSTREAM_CLICKHOUSE_URL: front.url,
        TTPSTREAM_CLICKHOUSE_DATABASE: database,
        TTPSTREAM_RULES: this.#rules,
        ...over,
      }),
      this.folder,
    )
    this.load = new RoundLoad(this.kafka, this.topics, () => this.fleet.steady)
    const editRule = () => {
      this.#isEdited = !this.#isEdited
      this.writeRule('word.yaml', ruleOf(this.#isEdited ? 'edited' : 'first'))
    }
    this.#faults = new RoundFaults({ fleet: this.fleet, servers, front, editRule })
  }

  static async create(
    id: string,
    servers: FaultServers,
    over: Readonly<Record<string, string>> = {},
  ): Promise<Round> {
    const front = await Front.create(servers.clickhouse.url)
    const database = await servers.databases.take()
    const round = new Round(id, servers, front, database, over)
    round.writeRule('word.yaml', ruleOf('first'))
    await createTopics(round.kafka, round.topics)
    await round.admin.connect()
    return round
  }

  writeRule(name: string, text: string): void {
    writeFileSync(join(this.#rules, name), text)
  }

  /** Every request to ClickHouse takes so much longer. */
  slowClickHouse(delayMs: number): void {
    this.#front.mood = delayMs > 0 ? { kind: 'slow', delayMs } : { kind: 'well' }
  }

  async run(schedule: Schedule): Promise<RoundResult> {
    for (let count = 0; count < schedule.members; count += 1) this.fleet.start()
    this.load.start(pace)
    await this.begun()
    const begun = Date.now()
    for (const step of schedule.steps) {
      await setTimeout(Math.max(0, begun + step.at * 1_000 - Date.now()))
      this.#faults.act(step)
    }
    await setTimeout(Math.max(0, begun + faultSeconds * 1_000 - Date.now()))
    await this.#faults.makeWell()
    await this.load.end()
    const drainBegun = Date.now()
    const drained = await this.drain()
    const drainSeconds = (Date.now() - drainBegun) / 1_000
    const { found, records } = await this.judge()
    return { differences: [...drained, ...found], records, drainSeconds }
  }

  /** Finishes all that there is and stops every member; what is wrong with how that went. */
  async drain(): Promise<string[]> {
    if (this.fleet.steady.length === 0) this.fleet.start()
    const found: string[] = []
    const note = (cause: unknown) => found.push(String(cause))
    await this.#finished().catch(note)
    if (found.length === 0) {
      await until(
        'the correlations to be alerted',
        () => this.#isAlerted(),
        alertMsMax,
        pollMs,
      ).catch(note)
    }
    await this.fleet.stop().catch(note)
    // The last member's own records may have come after its last block.
    if (found.length === 0 && !(await this.isFinished())) {
      this.fleet.start({ TTPSTREAM_CORRELATION_MS: '0', TTPSTREAM_RULE_ASSETS: 'false' })
      await this.#finished().catch(note)
      await this.fleet.stop().catch(note)
    }
    return [...found, ...this.fleet.complaints()]
  }

  async judge(given?: readonly LogEntry[]): Promise<{ found: string[]; records: number }> {
    const log = given ?? (await readLogIn(this.kafka, this.topics))
    const found = await differences(this.kafka, this.clickhouse, this.topics, log)
    const [expected, held] = [await correlated(this.clickhouse), await alerted(this.clickhouse)]
    if (expected.join() !== held.join()) {
      found.push(`correlations: ${held.join()} should be ${expected.join()}`)
    }
    const changes = await select<{ description: string }>(
      this.clickhouse,
      `SELECT JSONExtractString(entity, 'description') AS description FROM catalog_events
       WHERE kind = 'infrastructure_change'`,
    )
    const recorded = new Set(changes.map(({ description }) => description))
    for (const description of this.load.accepted) {
      if (!recorded.has(description))
        found.push(`the API took "${description}", which is not there`)
    }
    return { found, records: log.length }
  }

  async close(isLogKept = false): Promise<void> {
    this.fleet.kill()
    await this.#faults.ended()
    await this.admin.deleteTopics({ topics: Object.values(this.topics) }).catch(() => {})
    await this.admin.disconnect()
    await this.clickhouse.close()
    await this.#front.close()
    await this.#servers.databases.giveBack(this.#database)
    if (!isLogKept) rmSync(this.folder, { recursive: true, force: true })
    rmSync(this.#rules, { recursive: true, force: true })
  }

  isFinished(): Promise<boolean> {
    return isFinished(this.admin, this.clickhouse, this.topics)
  }

  /** Faults hit members that work. */
  begun(): Promise<void> {
    const query = 'SELECT count() AS blocks FROM ingest_progress'
    return until(
      'the first block',
      async () => {
        const [row] = await select<{ blocks: number }>(this.clickhouse, query)
        return (row?.blocks ?? 0) > 0
      },
      startMsMax,
      pollMs,
    )
  }

  /** However long a busy machine takes, as long as blocks are finished. */
  #finished(): Promise<void> {
    const query = 'SELECT count() AS blocks FROM ingest_progress'
    let [blocks, movedAt] = [-1, Date.now()]
    const isDone = async () => {
      const [complaint] = this.fleet.complaints()
      if (complaint !== undefined) throw new Error(complaint)
      const [row] = await select<{ blocks: number }>(this.clickhouse, query)
      if (row?.blocks !== blocks) [blocks, movedAt] = [row?.blocks ?? 0, Date.now()]
      if (Date.now() - movedAt > standstillMsMax) {
        throw new Error(`no block was finished for ${standstillMsMax / 1_000} s`)
      }
      return this.isFinished()
    }
    return until('every block to be finished', isDone, drainMsMax, pollMs)
  }

  async #isAlerted(): Promise<boolean> {
    const [expected, held] = [await correlated(this.clickhouse), await alerted(this.clickhouse)]
    return expected.join() === held.join() && (await this.isFinished())
  }
}
