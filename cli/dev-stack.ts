/** Both development servers and the settings that point a worker at them. */

import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type Config, readConfig, type SettingName } from '../core/config.ts'
import { silentLog } from '../core/log.ts'
import { spawnDevClickHouse } from '../dev/clickhouse/spawn.ts'
import { spawnDevKafka } from '../dev/kafka/spawn.ts'
import { databaseAddress } from './commands/migrate.ts'
import { createKafka, ensureTopics } from './kafka.ts'
import { migrateDatabase } from './migrate-database.ts'
import { freePort } from './ports.ts'
import { untilQuiet } from './until-quiet.ts'

export interface DevStack {
  readonly config: Config
  readonly kafka: string
  readonly clickhouse: string
  close(): Promise<void>
}

export interface DevStackOptions {
  readonly dataDir: string
  /** The usual ports where they are free; else any. */
  readonly hasUsualPorts: boolean
  readonly overrides?: Readonly<Partial<Record<SettingName, string>>>
}

const usual = { kafka: 9092, clickhouse: 8123, api: 8080 }

/** Resolves when both servers answer, the topics are there and the database is migrated. */
export async function startDevStack(options: DevStackOptions): Promise<DevStack> {
  const port = (preferred: number) => freePort(options.hasUsualPorts ? preferred : 0)
  await mkdir(options.dataDir, { recursive: true })
  const [kafkaPort, clickhousePort, apiPort] = await Promise.all([
    port(usual.kafka),
    port(usual.clickhouse),
    port(usual.api),
  ])
  const [kafka, clickhouse] = await Promise.all([
    spawnDevKafka({
      dataDir: join(options.dataDir, 'kafka'),
      port: kafkaPort,
      autoCreateTopics: false,
    }),
    spawnDevClickHouse({ dataDir: join(options.dataDir, 'clickhouse'), port: clickhousePort }),
  ])
  const close = async () => {
    await Promise.all([kafka.close(), clickhouse.close()])
  }
  try {
    const config = readConfig(process.env, {
      TTPSTREAM_KAFKA_BROKERS: kafka.bootstrap,
      TTPSTREAM_KAFKA_CREATE_TOPICS: 'true',
      TTPSTREAM_CLICKHOUSE_URL: clickhouse.url,
      TTPSTREAM_API_PORT: String(apiPort),
      ...options.overrides,
    })
    await Promise.all([
      // Both servers are this process's own: nobody else could finish what is waited for.
      migrateDatabase(databaseAddress(config), {
        beforeChange: () => untilQuiet(config, { say: () => {}, waitMsMax: 0 }),
      }),
      ensureTopics(createKafka(config, silentLog), config),
    ])
    return { config, kafka: kafka.bootstrap, clickhouse: clickhouse.url, close }
  } catch (cause) {
    await close()
    throw cause
  }
}
