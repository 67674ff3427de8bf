import type { Row } from '../../../schemas/table.ts'
import type { CatalogRow } from '../catalog-rows.ts'
import type { TagRow } from '../tag-histories.ts'
import { snapshotsAt } from './upkeep.ts'

/** What is read day by day, counted row by row from what was written. */

type Found = Record<string, unknown>

const iso = (ms: number) => new Date(ms).toISOString()
const dayOf = (ms: number) => iso(ms).slice(0, 10)
const orNull = (value: string) => (value === '' ? null : value)
const attackId = (tag: TagRow) => tag.sub_technique_id || tag.technique_id

export function sourceDays(commands: readonly Row<'commands'>[]): Found[] {
  return groups(commands, (one) =>
    JSON.stringify([
      dayOf(one.event_time),
      one.source,
      one.kind,
      one.product,
      one.service,
      one.category,
    ]),
  ).map((of) => {
    const [first] = of
    const skews = of.map((one) => one.record_time - one.event_time)
    return {
      day: dayOf(first.event_time),
      source: first.source,
      source_kind: first.kind,
      product: orNull(first.product),
      service: orNull(first.service),
      category: orNull(first.category),
      events: of.length,
      last_seen: iso(Math.max(...of.map((one) => one.event_time))),
      last_ingested: iso(Math.max(...of.map((one) => one.ingest_time))),
      without_host: of.filter((one) => one.host === '').length,
      without_text: of.filter((one) => one.command_text === '').length,
      skew_seconds_mean: skews.reduce((a, b) => a + b, 0) / skews.length / 1000,
    }
  })
}

export function tagDays(tags: readonly TagRow[]): Found[] {
  return groups(tags, (tag) =>
    JSON.stringify([
      dayOf(tag.event_time),
      attackId(tag),
      tag.tactic,
      tag.rule_id,
      tag.rule_version,
    ]),
  ).map((of) => {
    const [first] = of
    const times = of.map((tag) => tag.event_time)
    return {
      day: dayOf(first.event_time),
      attack_id: attackId(first),
      technique_id: first.technique_id,
      sub_technique_id: orNull(first.sub_technique_id),
      tactic_id: first.tactic,
      rule_id: first.rule_id,
      rule_version: first.rule_version,
      tags: of.length,
      first_seen: iso(Math.min(...times)),
      last_seen: iso(Math.max(...times)),
      confidence_max: Math.max(...of.map((tag) => tag.confidence)),
    }
  })
}

export function v1Tags(tags: readonly TagRow[]): Found[] {
  return tags.map((tag) => ({
    tag_id: tag.tag_id,
    event_time: iso(tag.event_time),
    ingest_time: iso(tag.ingest_time),
    tagged_time: iso(tag.tagged_time),
    source_kind: tag.source_kind,
    source_id: tag.source_id,
    attack_id: attackId(tag),
    technique_id: tag.technique_id,
    sub_technique_id: orNull(tag.sub_technique_id),
    tactic_id: tag.tactic,
    tactic_ids: tag.tactics,
    confidence: tag.confidence,
    severity: tag.severity,
    rule_id: tag.rule_id,
    rule_version: tag.rule_version,
    identity_id: orNull(tag.identity_id),
    attacker_id: orNull(tag.attacker_id),
    session_id: orNull(tag.session_id),
    host: orNull(tag.host),
    user: orNull(tag.user),
    decoy: orNull(tag.decoy),
    attack_release: tag.attack_release,
    in_release: tag.in_release,
  }))
}

/** Scores as snapshots of the catalogue report them; early ones report none. */
export function confidenceReports(catalog: readonly CatalogRow[], atMs: number): Found[] {
  return snapshotsAt(catalog, atMs).flatMap(({ date, computed_at, techniques }) => {
    // Checked: the histories' snapshots have these members.
    const scores = JSON.parse(String(techniques || '[]')) as readonly {
      technique_id: string
      status: string
      level: string
      score: number
    }[]
    return scores.map((one) => ({ day: date, computed_at, ...one }))
  })
}

function groups<T>(rows: readonly T[], keyOf: (row: T) => string): [T, ...T[]][] {
  const found = new Map<string, [T, ...T[]]>()
  for (const row of rows) {
    const group = found.get(keyOf(row))
    if (group === undefined) found.set(keyOf(row), [row])
    else group.push(row)
  }
  return [...found.values()]
}
