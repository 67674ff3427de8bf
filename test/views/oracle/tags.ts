import type { CatalogRow } from '../catalog-rows.ts'
import type { TagRow } from '../tag-histories.ts'
import { stateAt, text, time, type Version, versionsOf } from './catalog.ts'

/** Rollups of tags, counted one by one. */

export interface Window {
  readonly from_s: number
  readonly to_s: number
  readonly min_confidence: number
}

export function isInWindow(tag: TagRow, { from_s, to_s, min_confidence }: Window): boolean {
  const s = tag.event_time / 1000
  return s >= from_s && s < to_s && tag.confidence >= min_confidence
}

/** One row per technique, sub-technique and tactic, in order. */
export function byTechnique(tags: readonly TagRow[]): Record<string, unknown>[] {
  return grouped(tags, (tag) => [tag.technique_id, tag.sub_technique_id, tag.tactic]).map(
    ([[technique_id, sub_technique_id, tactic], of]) => {
      const times = of.map((tag) => tag.event_time)
      return {
        technique_id,
        sub_technique_id,
        tactic,
        count: of.length,
        first_seen: new Date(Math.min(...times)).toISOString(),
        last_seen: new Date(Math.max(...times)).toISOString(),
        confidence_max: Math.max(...of.map((tag) => tag.confidence)),
      }
    },
  )
}

export function byRule(tags: readonly TagRow[]): Record<string, unknown>[] {
  return grouped(tags, (tag) => [tag.rule_id, tag.rule_version]).map(
    ([[rule_id, rule_version], of]) => ({
      rule_id,
      rule_version,
      count: of.length,
      last_seen: new Date(Math.max(...of.map((tag) => tag.event_time))).toISOString(),
    }),
  )
}

function grouped(
  tags: readonly TagRow[],
  keyOf: (tag: TagRow) => readonly string[],
): [readonly string[], TagRow[]][] {
  const groups = new Map<string, [readonly string[], TagRow[]]>()
  for (const tag of tags) {
    const key = keyOf(tag)
    const group = groups.get(JSON.stringify(key))
    if (group === undefined) groups.set(JSON.stringify(key), [key, [tag]])
    else group[1].push(tag)
  }
  return [...groups.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, group]) => group)
}

/** Is the tag one of the identity's, with all that it is merged with and its attackers as of `atMs`? */
export function isOfIdentity(
  tag: TagRow,
  identityId: string,
  catalog: readonly CatalogRow[],
  atMs: number,
): boolean {
  const members = oneWith(identityId, catalog, atMs)
  if (tag.identity_id !== '') return members.has(tag.identity_id)
  return stateAt(versionsOf(catalog, 'membership'), atMs).some(({ entity }) => {
    const from = text(entity, 'from') === '' ? Number.NEGATIVE_INFINITY : time(entity, 'from')
    const to = text(entity, 'to') === '' ? Number.POSITIVE_INFINITY : time(entity, 'to')
    return (
      tag.attacker_id !== '' &&
      text(entity, 'attacker_id') === tag.attacker_id &&
      members.has(text(entity, 'identity_id')) &&
      from <= tag.event_time &&
      tag.event_time < to
    )
  })
}

/** The identities that are one: whatever is reached over merges, in whichever direction. */
export function oneWith(
  identityId: string,
  catalog: readonly CatalogRow[],
  atMs: number,
): Set<string> {
  const winners = mergesAt(catalog, atMs)
  const found = new Set([identityId])
  for (let size = 0; size < found.size; ) {
    size = found.size
    for (const [loser, winner] of winners) {
      if (found.has(loser)) found.add(winner)
      if (found.has(winner)) found.add(loser)
    }
  }
  return found
}

/** Itself, what it is merged into, and so on. */
export function pathOf(identityId: string, catalog: readonly CatalogRow[], atMs: number): string[] {
  const winners = mergesAt(catalog, atMs)
  const path = [identityId]
  for (let next = winners.get(identityId); next !== undefined && !path.includes(next); ) {
    path.push(next)
    next = winners.get(next)
  }
  return path
}

/** All that is told of one identity: its way, its members, its own merge, and whose attackers are its. */
export function identityState(
  identityId: string,
  catalog: readonly CatalogRow[],
  atMs: number,
): Record<string, unknown> {
  const members = oneWith(identityId, catalog, atMs)
  const merge = mergeStates(catalog, atMs).findLast(
    ({ entity }) => text(entity, 'loser_id') === identityId,
  )
  const belonging = stateAt(versionsOf(catalog, 'membership'), atMs)
    .filter(({ entity }) => members.has(text(entity, 'identity_id')))
    .map(({ id, entity }) => [
      id,
      text(entity, 'attacker_id'),
      text(entity, 'identity_id'),
      text(entity, 'from') || '1970-01-01T00:00:00.000Z',
      text(entity, 'to') || '2299-12-31T00:00:00.000Z',
    ])
    .map((one) => [one, [one[1], one[3], one[0]].join('\n')] as const)
    .toSorted(([, a], [, b]) => (a < b ? -1 : 1))
  return {
    path: pathOf(identityId, catalog, atMs),
    members: [...members].sort(),
    merge_id: merge?.id ?? '',
    belonging: belonging.map(([one]) => one),
  }
}

/** Loser → winner, of identities; of several merges of one loser the newest counts. */
function mergesAt(catalog: readonly CatalogRow[], atMs: number): Map<string, string> {
  return new Map(
    mergeStates(catalog, atMs).map(
      ({ entity }) => [text(entity, 'loser_id'), text(entity, 'winner_id')] as const,
    ),
  )
}

function mergeStates(catalog: readonly CatalogRow[], atMs: number): Version[] {
  return stateAt(versionsOf(catalog, 'merge'), atMs)
    .filter(({ entity }) => text(entity, 'entity_kind') === 'identity')
    .toSorted((a, b) => a.rank - b.rank)
}
