import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ClickHouseClient, ClickHouseLogLevel, createClient } from '@clickhouse/client'
import { type ClickHouseViews, createClickHouseViews } from '../../api/clickhouse-views.ts'
import { migrateDatabase } from '../../cli/migrate-database.ts'
import { spawnDevClickHouse } from '../../dev/clickhouse/spawn.ts'
import { ClickHouseStore } from '../../processors/engine/store.ts'

/**
 * A database with everything of `views/`, on the real path: migrated as `ttpstream migrate` does,
 * written as the engine does, read as the API does.
 */
export interface ViewsDatabase {
  readonly store: ClickHouseStore
  readonly views: ClickHouseViews
  /** For what is said of the database itself, never of its data. */
  readonly client: ClickHouseClient
  close(): Promise<void>
}

export async function openViewsDatabase(): Promise<ViewsDatabase> {
  const dataDir = await mkdtemp(join(tmpdir(), 'ttpstream-views-'))
  const server = await spawnDevClickHouse({ dataDir, port: 0 })
  const address = { url: server.url, database: 'ttpstream', username: 'default', password: '' }
  await migrateDatabase(address)
  const client = createClient({ ...address, log: { level: ClickHouseLogLevel.OFF } })
  // Longer than the API waits: a busy machine is no wrong answer.
  const views = createClickHouseViews({ ...address, queryMsMax: 120_000 })
  return {
    store: new ClickHouseStore(client),
    views,
    client,
    async close() {
      await views.close()
      await client.close()
      await server.close()
      await rm(dataDir, { recursive: true, force: true })
    },
  }
}
