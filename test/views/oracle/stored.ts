import type { Row } from '../../../schemas/table.ts'
import type { CatalogRow } from '../catalog-rows.ts'
import type { LetterRow, StoredEvents } from '../record-histories.ts'
import { inOrder } from './tests.ts'

/** Records as they were written, found one by one. */

type Found = Record<string, unknown>

const iso = (ms: number) => new Date(ms).toISOString()

function toldOf(row: CatalogRow): Found {
  // Checked: the processor writes JSON objects.
  return { ...JSON.parse(row.entity), ...JSON.parse(row.derived) } as Found
}

export function ruleStates(rows: readonly CatalogRow[], ruleId: string, atMs: number): Found[] {
  return rows
    .filter((row) => row.kind === 'rule_state' && row.id === ruleId && row.event_time <= atMs)
    .toSorted((a, b) => -inOrder(a, b))
    .map((row) => {
      const { state = 'enabled', confidence_max = null, expires_at = null, reason } = toldOf(row)
      const { actor: set_by, offset } = row
      const told = { state, confidence_max, expires_at, reason: reason ?? null }
      return { ...told, set_by, set_at: iso(row.event_time), offset }
    })
}

export function entityAt(
  rows: readonly CatalogRow[],
  kind: string,
  id: string,
  atMs: number,
): Found[] {
  const known = rows.filter((row) => row.kind === kind && row.id === id && row.event_time <= atMs)
  return known
    .toSorted(inOrder)
    .slice(-1)
    .map(({ op, actor, reason, event_time, entity, derived }) => {
      return { op, actor, reason, event_time: iso(event_time), entity, derived }
    })
}

/** Newest put of each id. */
function newestOf(rows: readonly CatalogRow[], kind: string, atMs: number): CatalogRow[] {
  const known = rows.filter((row) => row.kind === kind && row.event_time <= atMs)
  const newest = new Map(known.toSorted(inOrder).map((row) => [row.id, row]))
  return [...newest.values()].filter(({ op }) => op === 'put')
}

/** Of several merges of one loser the newest counts. */
export function mergesAt(rows: readonly CatalogRow[], atMs: number): Found[] {
  const byLoser = new Map<string, Found>()
  for (const row of newestOf(rows, 'merge', atMs).toSorted(inOrder)) {
    const { entity_kind, loser_id, winner_id } = toldOf(row)
    const told = { merge_id: row.id, merged_at: iso(row.event_time), merged_by: row.actor }
    const of = { entity_kind, loser_id, winner_id, ...told, reason: row.reason }
    byLoser.set(`${entity_kind} ${loser_id}`, of)
  }
  return [...byLoser.values()]
}

export function membershipsAt(rows: readonly CatalogRow[], atMs: number): Found[] {
  return newestOf(rows, 'membership', atMs).map((row) => {
    const { attacker_id, identity_id, from, to } = toldOf(row)
    return {
      membership_id: row.id,
      attacker_id,
      identity_id,
      from_time: from ?? iso(0),
      to_time: to ?? '2299-12-31T00:00:00.000Z',
      told_at: iso(row.event_time),
      told_by: row.actor,
      reason: row.reason,
    }
  })
}

export interface MachineWindow {
  readonly machines: readonly string[]
  readonly from_s: number
  readonly to_s: number
}

interface Timed {
  readonly event_time: number
}

const isInside = ({ from_s, to_s }: MachineWindow, { event_time }: Timed) =>
  event_time >= from_s * 1000 && event_time < to_s * 1000

/** Lower case, without the domain; addresses whole. */
function isOfMachine({ machines }: MachineWindow, { host }: Row<'commands'>): boolean {
  const name = host.toLowerCase()
  const isWhole = name.startsWith('.') || name.includes(':') || /^[\d.]+$/.test(name)
  return machines.includes(isWhole ? name : (name.split('.')[0] ?? ''))
}

export function eventRanges({ commands }: StoredEvents, asked: MachineWindow): Found[] {
  const own = commands.filter((row) => isInside(asked, row) && isOfMachine(asked, row))
  const keyOf = ({ log, topic, partition }: Row<'commands'>) =>
    JSON.stringify([log, topic, partition])
  return [...new Set(own.map(keyOf))].map((key) => {
    const of = own.filter((row) => keyOf(row) === key)
    const [log, topic, partition] = JSON.parse(key)
    const offsets = of.map(({ offset }) => offset)
    const ends = { first: Math.min(...offsets), last: Math.max(...offsets) }
    return { log, topic, partition, ...ends, events: of.length }
  })
}

export function keptEvents(
  { commands, alerts, tags }: StoredEvents,
  asked: MachineWindow & { readonly rule_id: string; readonly limit_rows: number },
): Found[] {
  const own = [
    ...commands.filter((row) => isOfMachine(asked, row)),
    ...alerts.filter(({ hosts }) => hosts.some((host) => asked.machines.includes(host))),
  ].filter((row) => isInside(asked, row) && row.raw !== '')
  const placeOf = (row: Pick<Row<'tags'>, 'log' | 'topic' | 'partition' | 'offset'>) =>
    `${row.log} ${row.topic} ${row.partition} ${row.offset}`
  const hits = tags.filter((tag) => tag.rule_id === asked.rule_id && isInside(asked, tag))
  const places = new Set(hits.map(placeOf))
  return own
    .toSorted(
      (a, b) =>
        Number(places.has(placeOf(b))) - Number(places.has(placeOf(a))) ||
        a.event_time - b.event_time ||
        a.partition - b.partition ||
        a.offset - b.offset,
    )
    .slice(0, asked.limit_rows)
    .map(({ log, topic, partition, offset, record_time, event_time, raw }) => {
      const times = { record_time: iso(record_time), event_time: iso(event_time) }
      return { log, topic, partition, offset, ...times, raw }
    })
}

/** Can it be read again: one record, whole, and no fault of a batch. */
export function letterOf(row: LetterRow): Found {
  const replayable = row.records === 1 && row.value_sha256 !== '' && !row.code.startsWith('batch-')
  const times = { ingest_time: iso(row.ingest_time), record_time: iso(row.record_time) }
  return { ...row, ...times, replayable }
}
