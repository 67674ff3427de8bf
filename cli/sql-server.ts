import type { ClickHouseClient } from '@clickhouse/client'
import type { SqlServer } from '../core/migrations.ts'

/** The migrations' seam over the real client. Statements wait until they have taken effect. */
export function sqlServer(client: ClickHouseClient): SqlServer {
  return {
    command: async (sql) => {
      await client.command({ query: sql, clickhouse_settings: { wait_end_of_query: 1 } })
    },
    query: async <Row>(sql: string) => {
      const answer = await client.query({ query: sql, format: 'JSONEachRow' })
      return await answer.json<Row>()
    },
  }
}

/** Atomic: views that are refreshed by replacing their table need it. */
export async function createDatabase(client: ClickHouseClient, name: string): Promise<void> {
  const quoted = `\`${name.replaceAll('\\', '\\\\').replaceAll('`', '\\`')}\``
  await client.command({ query: `CREATE DATABASE IF NOT EXISTS ${quoted} ENGINE = Atomic` })
}
