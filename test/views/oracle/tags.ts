import type { TagRow } from '../tag-histories.ts'

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
