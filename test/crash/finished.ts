import type { ClickHouseClient } from '@clickhouse/client'
import type { Admin } from 'kafkajs'
import type { CaseTopics } from './load.ts'

/** Does the last record of every topic that goes in lie in a finished block? */
export async function isFinished(
  admin: Admin,
  clickhouse: ClickHouseClient,
  { commands, alerts, tests, catalog }: CaseTopics,
): Promise<boolean> {
  const answer = await clickhouse.query({
    query: 'SELECT topic, partition, max(last_offset) AS last FROM ingest_progress GROUP BY ALL',
    format: 'JSONEachRow',
    clickhouse_settings: { output_format_json_quote_64bit_integers: 0 },
  })
  const blocks = await answer.json<{ topic: string; partition: number; last: number }>()
  const done = new Map(blocks.map((row) => [`${row.topic}:${row.partition}`, row.last]))
  for (const topic of [commands, alerts, tests, catalog]) {
    for (const { partition, high } of await admin.fetchTopicOffsets(topic)) {
      const last = done.get(`${topic}:${partition}`) ?? -1
      if (Number(high) > 0 && last < Number(high) - 1) return false
    }
  }
  return true
}
