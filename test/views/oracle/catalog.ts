import type { CatalogRow } from '../catalog-rows.ts'
import { inOrder } from './tests.ts'

/** Entities of the catalogue as of an instant, folded change by change. */

export type Entity = Readonly<Record<string, unknown>>

export interface Version {
  readonly id: string
  readonly eventMs: number
  readonly actor: string
  readonly isPut: boolean
  readonly entity: Entity
  /** Position in the order of all changes. */
  readonly rank: number
}

/** Every change of one kind, by entity, in order. What we derived counts before what was sent. */
export function versionsOf(rows: readonly CatalogRow[], kind: string): Map<string, Version[]> {
  const versions = new Map<string, Version[]>()
  for (const [rank, row] of rows.toSorted(inOrder).entries()) {
    if (row.kind !== kind) continue
    const list = versions.get(row.id) ?? []
    const entity = { ...parse(row.entity), ...parse(row.derived) }
    const { id, event_time, actor } = row
    list.push({ id, eventMs: event_time, actor, isPut: row.op === 'put', entity, rank })
    versions.set(row.id, list)
  }
  return versions
}

/** Newest version of each entity at or before `atMs`, unless it is a deletion. */
export function stateAt(versions: Map<string, Version[]>, atMs: number): Version[] {
  return [...versions.values()].flatMap((list) => {
    const newest = list.findLast((version) => version.eventMs <= atMs)
    return newest?.isPut ? [newest] : []
  })
}

export function text(entity: Entity, field: string): string {
  const value = entity[field]
  return typeof value === 'string' ? value : ''
}

export function time(entity: Entity, field: string): number {
  return Date.parse(text(entity, field))
}

export function texts(entity: Entity, field: string): string[] {
  const value = entity[field]
  return Array.isArray(value) ? value.map(String) : []
}

function parse(json: string): Entity {
  // Checked: the processor writes JSON objects.
  return JSON.parse(json) as Entity
}
