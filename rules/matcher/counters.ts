import { messageOf } from '../../core/error.ts'

/** Of one rule, since its revision was compiled (R10). */
export interface RuleCounters {
  /** Events that the rule met. */
  readonly eventsTotal: number
  /** Times that it was evaluated. */
  readonly candidatesTotal: number
  readonly hitsTotal: number
  readonly errorsTotal: number
  /** What was first thrown; null for nothing. */
  readonly firstError: string | null
  /** How many evaluations were timed, and what they took together. */
  readonly timedTotal: number
  readonly timedMs: number
}

/** Counts by rule number, in flat arrays: cheap enough to be always on. */
export class Counters {
  readonly candidates: Float64Array
  readonly hits: Float64Array
  readonly #timed: Float64Array
  readonly #timedMs: Float64Array
  readonly #errors: Float64Array
  readonly #firstErrors = new Map<number, string>()

  /** For rule numbers below `limit`. */
  constructor(limit: number) {
    this.candidates = new Float64Array(limit)
    this.hits = new Float64Array(limit)
    this.#timed = new Float64Array(limit)
    this.#timedMs = new Float64Array(limit)
    this.#errors = new Float64Array(limit)
  }

  addTime(rule: number, ms: number): void {
    this.#timed[rule] = (this.#timed[rule] ?? 0) + 1
    this.#timedMs[rule] = (this.#timedMs[rule] ?? 0) + ms
  }

  /** True for a rule's first. */
  failed(rule: number, thrown: unknown): boolean {
    this.#errors[rule] = (this.#errors[rule] ?? 0) + 1
    if (this.#firstErrors.has(rule)) return false
    this.#firstErrors.set(rule, messageOf(thrown))
    return true
  }

  read(rule: number, eventsTotal: number): RuleCounters {
    return {
      eventsTotal,
      candidatesTotal: this.candidates[rule] ?? 0,
      hitsTotal: this.hits[rule] ?? 0,
      errorsTotal: this.#errors[rule] ?? 0,
      firstError: this.#firstErrors.get(rule) ?? null,
      timedTotal: this.#timed[rule] ?? 0,
      timedMs: this.#timedMs[rule] ?? 0,
    }
  }
}
