import type { Anchors } from '../schemas/event.ts'

/**
 * How many matches of one rule on one entity become tags in one minute of event time. Pure, so that a
 * block that is done again gives the same tags: it counts within its block and forgets after it, and
 * the first matches by offset are the ones that count.
 */
export class RateLimit {
  readonly #matchesMax: number
  readonly #matches = new Map<string, number>()

  /** `matchesMax` 0 is no limit. */
  constructor(matchesMax: number) {
    this.#matchesMax = matchesMax
  }

  /** Counts one match; false when it is one too many. */
  allows(ruleId: string, event: Anchors & { readonly eventTimeMs: number }): boolean {
    if (this.#matchesMax === 0) return true
    const minute = Math.floor(event.eventTimeMs / 60_000)
    const key = JSON.stringify([ruleId, minute, ...entityOf(event)])
    const matches = (this.#matches.get(key) ?? 0) + 1
    this.#matches.set(key, matches)
    return matches <= this.#matchesMax
  }
}

/** The first anchor that is there, from who to where; of two kinds equal texts are two entities. */
function entityOf(event: Anchors): readonly (string | number)[] {
  const anchors = [event.identityId, event.attackerId, event.sessionId, event.host, event.user]
  const kind = anchors.findIndex((anchor) => anchor !== '')
  return [kind, anchors[kind] ?? '']
}
