/**
 * What correlations must have come to: every event of the counted rule is one row of `rule_matches`,
 * as one version of the rule gives it in each block; and wherever a host has enough of them within
 * the timespan, counted by hand, there is an alert for that host and piece of time, under one id.
 */

import type { ClickHouseClient } from '@clickhouse/client'
import { type CaseTopics, correlation, fateOf, techniqueOf } from './load.ts'
import {
  type BlockRow,
  compareLists,
  type LogEntry,
  type Position,
  place,
  select,
} from './oracle.ts'

interface MatchRow extends Position {
  readonly rule_version: string
}

export async function compareMatches(
  found: string[],
  clickhouse: ClickHouseClient,
  log: readonly LogEntry[],
  topics: CaseTopics,
): Promise<void> {
  const matches = await select<MatchRow>(
    clickhouse,
    'SELECT topic, partition, offset, rule_version FROM rule_matches',
  )
  const blocks = await select<BlockRow>(clickhouse, 'SELECT * FROM ingest_progress')
  for (const block of blocks.filter(({ topic }) => topic === topics.commands)) {
    const isInside = (at: Position) =>
      at.topic === block.topic &&
      at.partition === block.partition &&
      at.offset >= block.offset &&
      at.offset <= block.last_offset
    const held = matches.filter(isInside)
    const versions = new Set(held.map(({ rule_version }) => Number(rule_version.split('~')[0])))
    if (versions.size > 1) found.push(`rule_matches of ${place(block)} mix rule versions`)
    const version = [...versions][0] ?? 1
    const expected = log
      .filter(isInside)
      .filter(({ value }) => value !== null && fateOf(value) === 'event')
      .filter(({ value }) => techniqueOf(version, value ?? new Uint8Array()) !== null)
    compareLists(found, `rule_matches of ${place(block)}`, expected.map(place), held.map(place))
  }
}

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
     FROM alert_events WHERE rule_system = 'ttpstream' GROUP BY key ORDER BY key`,
  )
  return rows.flatMap(({ key, ids }) => Array.from({ length: ids }, () => key))
}
