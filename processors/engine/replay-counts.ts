/** What a replay found and did. */
export interface ReplayCounts {
  records: number
  events: number
  /** Tags that today's rules give. */
  tags: number
  /** Of them: their record and rule have a tag already. */
  held: number
  /** Of them: about somebody who was erased since. */
  erased: number
  written: number
  /** Tags of other versions that lost their place, and tags of today's that have it again. */
  superseded: number
  reinstated: number
  /** Rows written for correlations to count. */
  matches: number
  readonly writtenByRule: Map<string, number>
  readonly supersededByRule: Map<string, number>
}

export function newReplayCounts(): ReplayCounts {
  return {
    records: 0,
    events: 0,
    tags: 0,
    held: 0,
    erased: 0,
    written: 0,
    superseded: 0,
    reinstated: 0,
    matches: 0,
    writtenByRule: new Map(),
    supersededByRule: new Map(),
  }
}

export function addReplayCounts(total: ReplayCounts, part: ReplayCounts): void {
  for (const name of names) total[name] += part[name]
  for (const name of ['writtenByRule', 'supersededByRule'] as const) {
    for (const [rule, count] of part[name]) addTo(total[name], rule, count)
  }
}

export function addTo(counts: Map<string, number>, name: string, by: number): void {
  counts.set(name, (counts.get(name) ?? 0) + by)
}

const names = [
  'records',
  'events',
  'tags',
  'held',
  'erased',
  'written',
  'superseded',
  'reinstated',
  'matches',
] as const
