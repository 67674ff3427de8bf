/**
 * Who is to be forgotten (G7), folded from the catalog's records. The catalog is kept for ever, so it
 * does not name them: an erasure says `sha256:` and the hash of the kind of subject and its id.
 *
 * Contract: an erasure covers what the log held when it was published, not what comes later.
 */

import { sha256Hex } from '../core/hash.ts'
import type { LogRecord } from '../core/kafka.ts'
import { parseCatalog } from '../schemas/catalog.ts'

export const subjectKinds = ['identity_id', 'attacker_id', 'user'] as const
export type SubjectKind = (typeof subjectKinds)[number]

/** How an erasure names its subject; case and the kind of subject count as they do in `erase`. */
export function subjectHash(kind: SubjectKind, id: string): string {
  return `sha256:${sha256Hex(JSON.stringify([kind, id.toLowerCase()]))}`
}

export class Erasures {
  /** Subject hash → Kafka time of the latest erasure. */
  readonly #untilMs = new Map<string, number>()
  readonly #hashes = new Map<string, string>()

  /** Takes one catalog record; false if it is no erasure. */
  apply(record: LogRecord): boolean {
    const change = parse(record)
    if (change?.kind !== 'erasure') return false
    for (const kind of subjectKinds) {
      const given = change.entity[kind]
      if (typeof given !== 'string' || given === '') continue
      const hash = given.startsWith('sha256:') ? given : subjectHash(kind, given)
      const before = this.#untilMs.get(hash) ?? 0
      this.#untilMs.set(hash, Math.max(before, record.timestampMs))
    }
    return true
  }

  /** Was whoever a row is about erased after its record was written? */
  covers(row: Readonly<Record<SubjectKind, string>>, recordTimeMs: number): boolean {
    if (this.#untilMs.size === 0) return false
    return subjectKinds.some((kind) => {
      const id = row[kind]
      return id !== '' && recordTimeMs <= (this.#untilMs.get(this.#hashOf(kind, id)) ?? -1)
    })
  }

  #hashOf(kind: SubjectKind, id: string): string {
    const key = `${kind}:${id}`
    const known = this.#hashes.get(key)
    if (known !== undefined) return known
    if (this.#hashes.size > 10_000) this.#hashes.clear()
    const hash = subjectHash(kind, id)
    this.#hashes.set(key, hash)
    return hash
  }
}

function parse(record: LogRecord) {
  if (record.value === null) return null
  try {
    const value: unknown = JSON.parse(Buffer.from(record.value).toString('utf8'))
    const checked = parseCatalog(value, { validityDays: 0, eventTimeMs: record.timestampMs })
    return checked.ok ? checked.value : null
  } catch {
    return null
  }
}
