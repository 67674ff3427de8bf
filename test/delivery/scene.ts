/**
 * What one case plays on: topics, a group and a database of its own, engines, and the oracle's word
 * on what became of every record.
 */

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ClickHouseClient, createClient } from '@clickhouse/client'
import { type Admin, Kafka, logLevel, type Message } from 'kafkajs'
import { migrateDatabase } from '../../cli/migrate-database.ts'
import type { Broker } from '../brokers/broker.ts'
import { isFinished } from '../crash/finished.ts'
import {
  areLed,
  type CaseTopics,
  createTopics,
  loadMessages,
  ruleOf,
  topicsOf,
  writeLoad,
} from '../crash/load.ts'
import { differences } from '../crash/oracle.ts'
import type { Databases } from './databases.ts'
import { type EngineChanges, TestEngine } from './engine.ts'
import { until } from './until.ts'

export const sessionMs = 1_500

export class Scene {
  readonly id: string
  readonly broker: Broker
  readonly kafka: Kafka
  readonly topics: CaseTopics
  readonly database: string
  readonly clickhouseUrl: string
  readonly clickhouse: ClickHouseClient
  readonly rules: string
  /** Its tables are no longer as they were made. */
  isSpoiled = false
  readonly #databases: Databases
  readonly #engines: TestEngine[] = []

  private constructor(id: string, broker: Broker, databases: Databases, database: string) {
    this.id = id
    this.broker = broker
    this.kafka = new Kafka({
      brokers: broker.bootstrap.split(','),
      logLevel: logLevel.NOTHING,
      retry: { initialRetryTime: 50, maxRetryTime: 500, retries: 20 },
    })
    this.topics = topicsOf(id)
    this.database = database
    this.clickhouseUrl = databases.url
    this.clickhouse = createClient({
      url: databases.url,
      database,
      request_timeout: 30_000,
      keep_alive: { enabled: false },
    })
    this.rules = mkdtempSync(join(tmpdir(), 'ttpstream-case-'))
    this.#databases = databases
  }

  static async create(id: string, broker: Broker, databases: Databases): Promise<Scene> {
    const scene = new Scene(id, broker, databases, await databases.take())
    scene.setRule('first')
    await createTopics(scene.kafka, scene.topics)
    return scene
  }

  /** The product's settings; small blocks, so that there are many. */
  settings(over: Readonly<Record<string, string>> = {}): Record<string, string> {
    const { commands, alerts, tests, catalog, tags, deadLetters, ruleEvents } = this.topics
    return {
      TTPSTREAM_KAFKA_BROKERS: this.broker.bootstrap,
      TTPSTREAM_KAFKA_GROUP: this.id,
      TTPSTREAM_KAFKA_SESSION_MS: String(sessionMs),
      TTPSTREAM_CLICKHOUSE_URL: this.clickhouseUrl,
      TTPSTREAM_CLICKHOUSE_DATABASE: this.database,
      TTPSTREAM_RULES: this.rules,
      TTPSTREAM_BLOCK_RECORDS_MAX: '25',
      TTPSTREAM_TOPIC_COMMANDS: commands,
      TTPSTREAM_TOPIC_ALERTS: alerts,
      TTPSTREAM_TOPIC_TESTS: tests,
      TTPSTREAM_TOPIC_CATALOG: catalog,
      TTPSTREAM_TOPIC_TAGS: tags,
      TTPSTREAM_TOPIC_DEAD_LETTERS: deadLetters,
      TTPSTREAM_TOPIC_RULE_EVENTS: ruleEvents,
      ...over,
    }
  }

  setRule(version: 'first' | 'edited'): void {
    writeFileSync(join(this.rules, 'word.yaml'), ruleOf(version))
  }

  start(changes: EngineChanges = {}, settings: Readonly<Record<string, string>> = {}): TestEngine {
    const engine = new TestEngine(this.settings(settings), changes)
    this.#engines.push(engine)
    return engine
  }

  /** Runs an engine until everything there is has been finished, and stops it. */
  async drain(changes: EngineChanges = {}, settings = {}): Promise<TestEngine> {
    const engine = this.start(changes, settings)
    await this.finished(engine)
    await engine.stop()
    return engine
  }

  write(from: number, count: number): Promise<void> {
    return writeLoad(this.kafka, this.topics, from, count)
  }

  /** Commands for one partition. */
  commandMessages(partition: number, from: number, count: number): Message[] {
    const [commands] = loadMessages(this.topics, from, count)
    return (commands?.messages ?? []).map((message) => ({ ...message, partition }))
  }

  /** Commands only, of which one partition gets all. */
  async writeTo(partition: number, from: number, count: number): Promise<void> {
    await this.send(this.topics.commands, this.commandMessages(partition, from, count))
  }

  async send(topic: string, messages: Message[]): Promise<void> {
    const producer = this.kafka.producer()
    await producer.connect()
    await producer.send({ topic, acks: -1, messages })
    await producer.disconnect()
  }

  /** Waits until the last record of every topic lies in a finished block. */
  async finished(engine?: TestEngine, waitMsMax?: number): Promise<void> {
    const admin = this.kafka.admin()
    await admin.connect()
    const isDone = async () => {
      if (engine?.hasEnded) throw new Error(`the engine ended: ${await engine.ended}`)
      return isFinished(admin, this.clickhouse, this.topics)
    }
    try {
      await until('every block to be finished', isDone, waitMsMax)
    } finally {
      await admin.disconnect()
    }
  }

  /** The oracle's differences. */
  differences(): Promise<string[]> {
    return differences(this.kafka, this.clickhouse, this.topics)
  }

  /** Every record counted once, in every table and view, and published. */
  async holds(): Promise<void> {
    const found = await this.differences()
    if (found.length > 0) assert.fail(found.slice(0, 5).join('; '))
  }

  async rows<T>(query: string): Promise<T[]> {
    const answer = await this.clickhouse.query({
      query,
      format: 'JSONEachRow',
      clickhouse_settings: { output_format_json_quote_64bit_integers: 0 },
    })
    return answer.json<T>()
  }

  /** Records that the group has not confirmed, of all topics. */
  lag(): Promise<number> {
    return this.withAdmin(async (admin) => {
      const { commands, alerts, tests, catalog } = this.topics
      let lag = 0
      for (const topic of [commands, alerts, tests, catalog]) {
        const [held] = await admin.fetchOffsets({ groupId: this.id, topics: [topic] })
        for (const { partition, high } of await admin.fetchTopicOffsets(topic)) {
          const one = held?.partitions.find((candidate) => candidate.partition === partition)
          lag += Number(high) - Math.max(0, Number(one?.offset ?? 0))
        }
      }
      return lag
    })
  }

  /** Removes the commands before `offset`, in both partitions. */
  async expire(offset: number): Promise<void> {
    await this.withAdmin(async (admin) => {
      const topic = this.topics.commands
      const ends = await admin.fetchTopicOffsets(topic)
      const partitions = ends.map(({ partition, high }) => ({
        partition,
        offset: String(Math.min(offset, Number(high))),
      }))
      await admin.deleteTopicRecords({ topic, partitions })
    })
  }

  /** Do the leaders of all partitions of a topic answer for it? */
  isLed(topic: string): Promise<boolean> {
    return this.withAdmin((admin) => areLed(admin, [topic]))
  }

  async withAdmin<T>(work: (admin: Admin) => Promise<T>): Promise<T> {
    const admin = this.kafka.admin()
    await admin.connect()
    try {
      return await work(admin)
    } finally {
      await admin.disconnect()
    }
  }

  /** The database dropped and migrated anew, as after its folder was deleted. */
  async makeAnew(): Promise<void> {
    await this.clickhouse.command({ query: `DROP DATABASE ${this.database} SYNC` })
    await migrateDatabase({ url: this.clickhouseUrl, database: this.database })
  }

  /** The same on a broker that only this case has. */
  async onOwnBroker(
    start: () => Promise<Broker>,
    work: (own: Scene) => Promise<void>,
  ): Promise<void> {
    const broker = await start()
    try {
      const own = await Scene.create(`${this.id}_own`, broker, this.#databases)
      await work(own).finally(() => own.close())
    } finally {
      await broker.close()
    }
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.#engines.map((engine) => engine.stop()))
    await this.clickhouse.close()
    if (this.isSpoiled) await this.#databases.drop(this.database)
    else this.#databases.giveBack(this.database)
    rmSync(this.rules, { recursive: true, force: true })
  }
}
