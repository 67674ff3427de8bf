import type { CatalogRow } from '../catalog-rows.ts'
import { text, texts, type Version, versionsOf } from './catalog.ts'
import { inOrder } from './tests.ts'

/** What the daily run recorded, and who was mapped to what, one record after the other (L2, L9). */

type Found = Record<string, unknown>

const iso = (ms: number) => new Date(ms).toISOString()
const orNull = (value: string) => (value === '' ? null : value)

/** One pair of asset and technique while one record of a mapping names it. */
interface Span {
  readonly id: string
  readonly pair: string
  readonly fromMs: number
  /** undefined: still. */
  readonly toMs: number | undefined
  /** The last that was told of it. */
  readonly newest: Version
  /** Rank of its last change, its end included. */
  readonly rank: number
}

/** Every asset and technique that were ever mapped to each other by `atMs`. */
export function mappingsAt(rows: readonly CatalogRow[], atMs: number): Found[] {
  const spans = [...versionsOf(rows, 'mapping').values()].flatMap((versions) =>
    spansOf(versions.filter(({ eventMs }) => eventMs <= atMs)),
  )
  return [...new Set(spans.map(({ pair }) => pair))].map((pair) => {
    const own = spans.filter((span) => span.pair === pair).toSorted((a, b) => a.rank - b.rank)
    const current = own.filter(({ toMs }) => toMs === undefined)
    const shown = (current.at(-1) ?? own.at(-1))?.newest.entity ?? {}
    const counted = current.length > 0 ? current : own
    return {
      asset_id: text(shown, 'asset_id'),
      technique_id: text(shown, 'technique_id'),
      coverage_type: text(shown, 'coverage_type'),
      confidence_level: text(shown, 'confidence_level'),
      notes: orNull(text(shown, 'notes')),
      created_at: iso(Math.min(...counted.map(({ fromMs }) => fromMs))),
      removed_at: current.length > 0 ? null : iso(Math.max(...own.map(({ toMs }) => toMs ?? 0))),
      mapping_ids: current.map(({ id }) => id).sort(),
    }
  })
}

function spansOf(versions: readonly Version[]): Span[] {
  const spans: Span[] = []
  let open: Omit<Span, 'toMs'> | undefined
  for (const version of versions) {
    const { id, isPut, entity, eventMs, rank } = version
    const pair = `${text(entity, 'asset_id')} ${text(entity, 'technique_id')}`
    if (open !== undefined && (!isPut || open.pair !== pair)) {
      spans.push({ ...open, rank, toMs: eventMs })
      open = undefined
    }
    if (isPut) open = { id, pair, fromMs: open?.fromMs ?? eventMs, newest: version, rank }
  }
  return open === undefined ? spans : [...spans, { ...open, toMs: undefined }]
}

/** A record that came twice tells the same once. */
export function validityChangesAt(
  rows: readonly CatalogRow[],
  techniqueId: string,
  atMs: number,
): Found[] {
  const mapped = mappingsAt(rows, atMs)
    .filter((one) => one['technique_id'] === techniqueId)
    .map((one) => one['asset_id'])
  const told = [...versionsOf(rows, 'validity_change').values()]
    .flat()
    .filter(({ eventMs }) => eventMs <= atMs)
    .filter(({ entity }) => {
      const named = text(entity, 'technique_id')
      return named === '' ? mapped.includes(text(entity, 'asset_id')) : named === techniqueId
    })
    .toSorted((a, b) => a.rank - b.rank)
  return [...new Map(told.map((one) => [`${one.id} ${one.eventMs}`, one])).values()].map(
    ({ id, entity, eventMs }) => {
      // Checked: the histories write a list of {cause, at}.
      const began = entity['began'] as readonly { cause: string }[]
      return {
        validation_id: id,
        asset_id: text(entity, 'asset_id'),
        recorded_at: iso(eventMs),
        is_valid: entity['is_valid'],
        causes: texts(entity, 'causes'),
        began: began.map((one) => one.cause),
        ended: texts(entity, 'ended'),
      }
    },
  )
}

/** Of each day the first record that was taken in counts, whatever it says. */
export function confidenceHistoryAt(
  rows: readonly CatalogRow[],
  techniqueId: string,
  atMs: number,
): Found[] {
  const days = new Map<string, CatalogRow>()
  const taken = rows
    .filter(({ kind }) => kind === 'coverage_snapshot')
    .toSorted((a, b) => a.ingest_time - b.ingest_time || a.offset - b.offset)
  for (const row of taken) if (!days.has(row.id)) days.set(row.id, row)
  return [...days.values()].flatMap((row) => {
    if (row.event_time > atMs) return []
    // Checked: the histories write exactly these members.
    const snapshot = JSON.parse(row.entity) as {
      date: string
      computed_at: string
      techniques?: readonly { technique_id: string; status: string; score: number; level: string }[]
    }
    const { date, computed_at, techniques = [] } = snapshot
    return techniques
      .filter(({ technique_id }) => technique_id === techniqueId)
      .map(({ status, score, level }) => ({ date, computed_at, status, score, level }))
  })
}

export function decayRunsAt(rows: readonly CatalogRow[], atMs: number): Found[] {
  const firsts = (kind: string) => {
    const found = new Map<string, CatalogRow>()
    for (const row of rows.filter((one) => one.kind === kind).toSorted(inOrder)) {
      if (row.event_time <= atMs && !found.has(row.id)) found.set(row.id, row)
    }
    return found
  }
  const done = firsts('decay_run')
  return [...firsts('decay_request')].map(([run_id, { event_time, actor }]) => {
    const answer = done.get(run_id)
    // Checked: the histories write exactly these members.
    const told = JSON.parse(answer?.entity ?? '{}') as Found
    const { began = null, ended = null, opened = [], snapshot_date = null, records = null } = told
    return {
      run_id,
      requested_at: iso(event_time),
      requested_by: actor,
      finished_at: answer === undefined ? null : iso(answer.event_time),
      began,
      ended,
      opened,
      snapshot_date,
      records,
    }
  })
}
