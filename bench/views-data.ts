/**
 * A year of a large deployment, written by ClickHouse itself where rows are plain (tags, alerts, tests) and
 * through the catalog processor where they are derived (assets, mappings, validations).
 *
 * Every row depends on its number alone: two runs hold the same. Popularity is skewed, as it is: some
 * identities and techniques have most of the tags.
 */

import type { ClickHouseClient } from '@clickhouse/client'
import { createCatalogProcessor } from '../processors/catalog.ts'
import { ClickHouseStore } from '../processors/engine/store.ts'
import { loadAttack } from '../schemas/attack.ts'

export interface Size {
  readonly tags: number
  readonly alerts: number
  readonly tests: number
  readonly validations: number
  readonly assets: number
  readonly identities: number
  readonly attackers: number
  readonly sessions: number
}

/** The end of the year that is filled. 2026-11-21T00:00:00Z */
export const endMs = 1_795_219_200_000
const hosts = 2_000
const rowsPerInsert = 1_000_000

export async function fill(
  client: ClickHouseClient,
  size: Size,
  say: (line: string) => void,
): Promise<void> {
  await fillTechniques(client)
  const plain: readonly (readonly [string, number, Insert])[] = [
    ['tags', size.tags, tagsSql],
    ['alerts', size.alerts, alertsSql],
    ['test updates', size.tests * 3, testsSql],
    ['hours of machines', hosts * 24 * 30, hostHoursSql],
  ]
  for (const [what, total, sql] of plain) {
    const begun = performance.now()
    for (let from = 0; from < total; from += rowsPerInsert) {
      await client.command({ query: sql(from, Math.min(rowsPerInsert, total - from), size) })
    }
    say(`${total} ${what} in ${seconds(begun)}`)
  }
  const begun = performance.now()
  await fillCatalog(client, size)
  say(`${size.validations} validations of ${size.assets} assets in ${seconds(begun)}`)
  await client.command({ query: 'DROP TABLE bench_techniques' })
}

type Insert = (from: number, count: number, size: Size) => string

function seconds(begun: number): string {
  return `${((performance.now() - begun) / 1000).toFixed(1)} s`
}

/** The techniques in use, by number. */
async function fillTechniques(client: ClickHouseClient): Promise<void> {
  await client.command({
    query: `CREATE OR REPLACE TABLE bench_techniques
      (n UInt32, technique String, sub String, tactics Array(String)) ENGINE = Memory`,
  })
  const values = activeTechniques().map(({ id, parentId, tactics }, n) => {
    return { n, technique: parentId, sub: parentId === id ? '' : id, tactics }
  })
  await client.insert({ table: 'bench_techniques', values, format: 'JSONEachRow' })
}

function activeTechniques() {
  return loadAttack()
    .techniques('enterprise-attack')
    .filter(({ isRevoked, isDeprecated }) => !isRevoked && !isDeprecated)
    .map(({ id, parentId = id, tactics }) => ({ id, parentId, tactics }))
}

/** In [0, 1), the same for the same row and column. */
const dice = (column: number) => `(cityHash64(number, ${column}) / 18446744073709551616)`
const yearMs = 365 * 86_400_000
const when = `fromUnixTimestamp64Milli(toInt64(${endMs} - ${yearMs} + ${dice(1)} * ${yearMs}), 'UTC')`
const technique = () => `toUInt32(pow(${dice(2)}, 2) * ${activeTechniques().length})`
const host = `concat('host-', toString(toUInt32(pow(${dice(3)}, 2) * ${hosts})))`

function tagsSql(from: number, count: number, size: Size): string {
  return `INSERT INTO tags (log, topic, partition, offset, ingest_time, tag_id, source_kind, source_id,
      event_time, tagged_time, identity_id, attacker_id, session_id, host, user, decoy, tactic, tactics,
      technique_id, sub_technique_id, confidence, severity, rule_id, rule_version, rule_hash, evidence,
      attack_release, in_release)
    SELECT 'bench', 'ttp.commands', 0, number, t + toIntervalSecond(1), reinterpretAsUUID(sipHash128(number)),
      'command', concat('e-', toString(number)), t, t + toIntervalSecond(1), identity, attacker, session, machine,
      '', '', k.tactics[1], k.tactics, k.technique, k.sub, confidence, 'high',
      concat('rule-', toString(k.n)), '1~00000000', '', '{"CommandLine":"whoami /all"}', '18.1', true
    FROM (
      SELECT number, ${when} AS t, ${technique()} AS n, ${host} AS machine,
        if(${dice(4)} < 0.4, concat('id-', toString(toUInt32(pow(${dice(5)}, 3) * ${size.identities}))), '') AS identity,
        concat('at-', toString(toUInt32(pow(${dice(6)}, 3) * ${size.attackers}))) AS attacker,
        concat('se-', toString(toUInt32(pow(${dice(7)}, 2) * ${size.sessions}))) AS session,
        0.3 + 0.1 * toUInt8(${dice(8)} * 8) AS confidence
      FROM numbers(${from}, ${count})
    ) AS r INNER JOIN bench_techniques AS k ON r.n = k.n`
}

/** Raised once; three in ten are closed within three days by a later record, most as false. */
function alertsSql(from: number, count: number): string {
  return `INSERT INTO alert_events (log, topic, partition, offset, ingest_time, record_time, event_time,
      alert_id, raised_at, rule_system, rule_id, asset_id, severity, technique_ids, hosts, status, verdict)
    SELECT 'bench', 'ttp.alerts', 0, 2 * number + is_closing, t, t, t, concat('alert-', toString(number)),
      if(is_closing, NULL, t), if(is_closing, NULL, 'bench'),
      if(is_closing, NULL, concat('rule-', toString(k.n))), if(is_closing, NULL, concat('asset-', toString(k.n))),
      if(is_closing, NULL, 'high'), if(is_closing, [], [if(k.sub = '', k.technique, k.sub)]),
      if(is_closing, [], [machine]), if(is_closing, 'closed', 'open'),
      if(is_closing, if(verdict < 0.1, 'true_positive', 'false_positive'), NULL)
    FROM (
      SELECT number, ${technique()} AS n, ${host} AS machine, ${dice(4)} AS verdict,
        arrayJoin(if(verdict < 0.3, [false, true], [false])) AS is_closing,
        ${when} + toIntervalMillisecond(is_closing * toInt64(${dice(5)} * 259200000)) AS t
      FROM numbers(${from}, ${count})
    ) AS r INNER JOIN bench_techniques AS k ON r.n = k.n`
}

/** Three updates a test: it begins, blue works on it, it is validated or rejected. */
function testsSql(from: number, count: number): string {
  const of = (column: number) => `(cityHash64(test, ${column}) / 18446744073709551616)`
  return `INSERT INTO test_events (log, topic, partition, offset, ingest_time, record_time, event_time,
      test_id, exercise, name, technique_id, platform, red_team, blue_team, hosts, state, detection_result,
      red_started_at, blue_started_at, red_validated_at, blue_validated_at)
    SELECT 'bench', 'ttp.tests', 0, offset, t, t, t, concat('test-', toString(test)),
      if(step = 0, concat('exercise-', toString(test % 500)), NULL), if(step = 0, 'A test', NULL),
      if(step = 0, if(k.sub = '', k.technique, k.sub), NULL),
      if(step = 0, ['windows', 'linux', 'macos'][1 + test % 3], NULL),
      if(step = 0, concat('red-', toString(test % 7)), NULL),
      if(step = 0, concat('blue-', toString(test % 5)), NULL), if(step = 0, [machine], []),
      ['red_executing', 'blue_evaluating', if(test % 9 = 0, 'rejected', 'validated')][1 + step],
      if(step = 2, ['detected', 'partially_detected', 'not_detected'][1 + test % 3], NULL),
      if(step = 0, begun, NULL), if(step = 1, t, NULL), if(step = 2, t, NULL), if(step = 2, t, NULL)
    FROM (
      SELECT number AS offset, intDiv(number, 3) AS test, number % 3 AS step,
        fromUnixTimestamp64Milli(toInt64(${endMs} - ${of(1)} * ${yearMs}), 'UTC') AS begun,
        begun + toIntervalHour(3 * step) AS t, toUInt32(${of(2)} * ${activeTechniques().length}) AS n,
        concat('host-', toString(toUInt32(${of(3)} * ${hosts}))) AS machine
      FROM numbers(${from}, ${count})
    ) AS r INNER JOIN bench_techniques AS k ON r.n = k.n`
}

function hostHoursSql(from: number, count: number): string {
  const hour = `toDateTime(${endMs / 1000}, 'UTC') - toIntervalHour(1 + number % 720)`
  return `INSERT INTO host_hours
    SELECT concat('host-', toString(intDiv(number, 720))), ${hour} AS hour, 100, hour, hour
    FROM numbers(${from}, ${count})`
}

/** Assets, one mapping each and two for every third, and their validations over the year, through the processor. */
async function fillCatalog(client: ClickHouseClient, size: Size): Promise<void> {
  const processor = createCatalogProcessor({ recordBytesMax: 1_048_576, integrityKey: 'bench' })
  const store = new ClickHouseStore(client)
  const techniques = activeTechniques()
  const records = catalogRecords(size, techniques)
  let offset = 0
  let batch: Record<string, unknown>[] = []
  const flush = async () => {
    const timeMs = endMs
    const context = { log: 'bench', topic: 'ttp.catalog', partition: 0, timeMs }
    const revision = { id: 'none', rules: [], match: () => [] }
    const { rows } = processor.process(
      { ...context, revision, states: new Map() },
      batch.map((record) => ({
        offset: offset++,
        timestampMs: Date.parse(String(record['event_time'])),
        key: null,
        value: Buffer.from(JSON.stringify(record)),
      })),
    )
    const [letter] = rows.dead_letters ?? []
    if (letter !== undefined) throw new Error(`a catalog record was refused: ${letter.reason}`)
    await store.insert('catalog_events', rows.catalog_events ?? [], `bench:${offset}`)
    batch = []
  }
  for (const record of records) {
    batch.push(record)
    if (batch.length === 20_000) await flush()
  }
  await flush()
}

function* catalogRecords(
  { assets, validations }: Size,
  techniques: readonly { readonly id: string }[],
): Generator<Record<string, unknown>> {
  const of = (n: number) => techniques[n % techniques.length]?.id ?? ''
  const record = (kind: string, id: string, ageDays: number, entity: object) => {
    const event_time = new Date(endMs - ageDays * 86_400_000).toISOString()
    return { kind, id, op: 'put', event_time, actor: 'bench', entity }
  }
  for (let n = 0; n < assets; n += 1) {
    yield record('detection_asset', `asset-${n}`, 366, {
      name: `Asset ${n}`,
      asset_type: ['sigma', 'edr', 'siem', 'yara'][n % 4],
      platform: ['windows', 'linux', 'macos'][n % 3],
      log_source_name: `source-${n % 40}`,
      rule_content: `rule ${n}`,
    })
    for (const shift of n % 3 === 0 ? [0, 97] : [0]) {
      yield record('mapping', `mapping-${n}-${shift}`, 366, {
        asset_id: `asset-${n}`,
        technique_id: of(n + shift),
        confidence_level: ['low', 'medium', 'high'][n % 3],
      })
    }
  }
  for (let n = 0; n < 300; n += 1) {
    yield record('infrastructure_change', `change-${n}`, (n * 1.21) % 365, {
      change_type: 'upgrade',
      description: `Change ${n}`,
      affected_log_sources: [`source-${n % 40}`],
      change_date: new Date(endMs - ((n * 1.21) % 365) * 86_400_000).toISOString(),
    })
  }
  for (let n = 0; n < validations; n += 1) {
    yield record('validation', `validation-${n}`, (n * 7.919) % 365, {
      asset_id: `asset-${(n * 13) % assets}`,
      validation_result: ['detected', 'detected', 'partially_detected', 'not_detected'][n % 4],
      validation_method: 'test',
    })
  }
}
