import type { ClickHouseClient } from '@clickhouse/client'

/** The rollups of tags as they are held, and as they are counted from tags. */

const days =
  'day, technique_id, sub_technique_id, tactic, tactics, rule_id, rule_version, confidence'
const months = days.replace('day', 'month').replace(' tactics,', '')
const keys = { tag_days: days, tag_months: months }

export interface RollupOptions {
  /** Leaves out when: it is exact after tidying only. */
  readonly isCountOnly?: boolean
}

export async function heldRollups(client: ClickHouseClient, options: RollupOptions = {}) {
  const ends = ', min(first_seen) AS first, max(last_seen) AS last'
  const [sums, having] = options.isCountOnly === true ? ['', 'HAVING sum(count) != 0'] : [ends, '']
  const rollups = Object.entries(keys).map(([table, key]) =>
    rows(
      client,
      `SELECT ${key}, is_superseded, sum(count) AS tags ${sums} FROM ${table}
       GROUP BY ALL ${having} ORDER BY ALL`,
    ),
  )
  return Promise.all([...rollups, rows(client, 'SELECT * FROM entity_tags ORDER BY ALL')])
}

export async function countedRollups(client: ClickHouseClient, options: RollupOptions = {}) {
  const ends =
    options.isCountOnly === true ? '' : ', min(event_time) AS first, max(event_time) AS last'
  const times = 'toDate(event_time) AS day, toStartOfMonth(event_time) AS month'
  const rollups = Object.values(keys).map((key) =>
    rows(
      client,
      `SELECT ${key}, is_superseded, count() AS tags ${ends} FROM (SELECT *, ${times} FROM tags)
       GROUP BY ALL ORDER BY ALL`,
    ),
  )
  const [view] = await rows<{ sql: string }>(
    client,
    `SELECT as_select AS sql FROM system.tables
     WHERE database = currentDatabase() AND name = 'entity_tags_from_tags'`,
  )
  const entities = rows(client, `SELECT * FROM (${view?.sql}) ORDER BY ALL`)
  return Promise.all([...rollups, entities])
}

async function rows<Row = unknown>(client: ClickHouseClient, query: string): Promise<Row[]> {
  return (await client.query({ query, format: 'JSONEachRow' })).json()
}
