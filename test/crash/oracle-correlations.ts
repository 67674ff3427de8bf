/**
 * What correlations must have come to: wherever a host has enough events within the timespan, counted
 * by hand, there is an alert for that host and piece of time, under one id.
 */

import type { ClickHouseClient } from '@clickhouse/client'
import { correlation } from './load.ts'
import { select } from './oracle.ts'

/** Host and piece of time of each alert that there must be. */
export async function correlated(clickhouse: ClickHouseClient): Promise<string[]> {
  const { timespanS, least } = correlation
  const rows = await select<{ host: string; s: number; source_id: string }>(
    clickhouse,
    'SELECT DISTINCT host, toUnixTimestamp(event_time) AS s, source_id FROM rule_matches',
  )
  const held = new Set<string>()
  for (const { host, s } of rows) {
    const within = rows.filter((row) => row.host === host && row.s <= s && row.s >= s - timespanS)
    if (new Set(within.map(({ source_id }) => source_id)).size >= least) {
      held.add(`${host} ${Math.floor(s / timespanS)}`)
    }
  }
  return [...held].sort()
}

/** The same of the alerts that there are. */
export async function alerted(clickhouse: ClickHouseClient): Promise<string[]> {
  const rows = await select<{ key: string; ids: number }>(
    clickhouse,
    `SELECT
       concat(hosts[1], ' ', toString(intDiv(toUnixTimestamp(event_time), ${correlation.timespanS}))) AS key,
       uniqExact(alert_id) AS ids
     FROM alert_events WHERE rule_id = '${correlation.id}' GROUP BY key ORDER BY key`,
  )
  return rows.flatMap(({ key, ids }) => Array.from({ length: ids }, () => key))
}
