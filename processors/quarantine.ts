import type { OutRecord } from '../core/kafka.ts'
import { type Explosion, type HitRateOptions, HitRates } from './hit-rates.ts'
import type { Outcome } from './processor.ts'

/**
 * Takes rules whose hit rate explodes out of use for a while (R10). The decision falls between two
 * blocks and is a rule state like any other: it travels on the catalog, so that every worker obeys
 * it, its history can be read, and it expires by itself.
 */

export interface QuarantineOptions extends HitRateOptions {
  readonly quarantineMs: number
}

export class Quarantine {
  readonly #options: QuarantineOptions
  readonly #rates: HitRates
  /** Rule id → until when it is left alone: it has a state, or somebody has just decided about it. */
  readonly #exempt = new Map<string, number>()

  constructor(options: QuarantineOptions) {
    this.#options = options
    this.#rates = new HitRates(options)
  }

  /** A block is finished: the rules to be quarantined. Rules with a state are not judged. */
  judge(
    outcome: Outcome,
    timeMs: number,
    hasState: (ruleId: string) => boolean,
  ): readonly Explosion[] {
    const judged = [...(outcome.byRule ?? [])].filter(([ruleId]) => {
      return !hasState(ruleId) && (this.#exempt.get(ruleId) ?? 0) <= timeMs
    })
    const matches = new Map(judged.map(([ruleId, { matches: count }]) => [ruleId, count]))
    const explosions = this.#rates.add(timeMs, outcome.events, matches)
    for (const { ruleId } of explosions) this.release(ruleId, timeMs)
    return explosions
  }

  /** Leaves a rule alone for as long as a quarantine lasts. */
  release(ruleId: string, nowMs: number): void {
    this.#exempt.set(ruleId, nowMs + this.#options.quarantineMs)
    for (const [id, until] of this.#exempt) if (until <= nowMs) this.#exempt.delete(id)
  }

  /** The catalog record that quarantines a rule. */
  record(topic: string, explosion: Explosion, nowMs: number): OutRecord {
    const { ruleId } = explosion
    const entity = {
      state: 'quarantined',
      expires_at: new Date(nowMs + this.#options.quarantineMs).toISOString(),
      reason: reasonOf(explosion, this.#options.windowMs),
    }
    const value = JSON.stringify({ kind: 'rule_state', id: ruleId, actor: quarantineActor, entity })
    return { topic, key: `rule_state:${ruleId}`, value }
  }
}

export const quarantineActor = 'ttpstream:quarantine'

function reasonOf({ matches, share, shareBefore }: Explosion, windowMs: number): string {
  const percent = (part: number) => `${(part * 100).toFixed(2)} %`
  return (
    `${matches} matches within ${windowMs / 1000} s: ${percent(share)} of events, ` +
    `${percent(shareBefore)} before`
  )
}
