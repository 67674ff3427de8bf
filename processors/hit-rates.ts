/**
 * Which rules match far more than they used to. Time is cut into windows by the blocks' own times; a
 * rule's share is its matches per event. It explodes when it has many matches in the present window
 * and ten times the share that it had in the windows before.
 *
 * Contract: nothing explodes before there is a history to compare with; a rule that is new has the
 * history of having matched nothing. Windows without events are no history.
 */

export interface HitRateOptions {
  readonly windowMs: number
  /** Fewer matches in a window are no explosion; 0 looks at nothing. */
  readonly matchesMin: number
}

export interface Explosion {
  readonly ruleId: string
  readonly matches: number
  /** Matches per event in the present window, and in those before. */
  readonly share: number
  readonly shareBefore: number
}

interface Window {
  readonly start: number
  events: number
  readonly matches: Map<string, number>
}

const windowsMin = 5
const windowsMax = 10
const factor = 10
/** A rule that hardly ever matched may come to match one event in a hundred. */
const shareMin = 0.001

export class HitRates {
  readonly #options: HitRateOptions
  #past: Window[] = []
  #now: Window | null = null

  constructor(options: HitRateOptions) {
    this.#options = options
  }

  /** Adds a block's matches by rule id; tells which of these rules explode. */
  add(timeMs: number, events: number, matches: ReadonlyMap<string, number>): readonly Explosion[] {
    if (this.#options.matchesMin === 0) return []
    const window = this.#windowAt(timeMs)
    window.events += events
    const found: Explosion[] = []
    for (const [ruleId, count] of matches) {
      const total = (window.matches.get(ruleId) ?? 0) + count
      window.matches.set(ruleId, total)
      const explosion = this.#judge(ruleId, total, window)
      if (explosion !== null) found.push(explosion)
    }
    return found
  }

  #judge(ruleId: string, matches: number, { events }: Window): Explosion | null {
    if (matches < this.#options.matchesMin || this.#past.length < windowsMin) return null
    const before = this.#past.reduce((sum, past) => sum + (past.matches.get(ruleId) ?? 0), 0)
    const shareBefore = before / this.#past.reduce((sum, past) => sum + past.events, 0)
    const share = matches / Math.max(1, events)
    return share >= factor * Math.max(shareMin, shareBefore)
      ? { ruleId, matches, share, shareBefore }
      : null
  }

  /** Blocks of several partitions may come a little out of order: an older one counts as of now. */
  #windowAt(timeMs: number): Window {
    const start = Math.floor(timeMs / this.#options.windowMs)
    const current = this.#now
    if (current !== null && current.start >= start) return current
    if (current !== null && current.events > 0) {
      this.#past = [...this.#past, current].slice(-windowsMax)
    }
    const fresh = { start, events: 0, matches: new Map<string, number>() }
    this.#now = fresh
    return fresh
  }
}
