/**
 * Holds back what may be a save that is not finished, until it has looked the same for a while.
 * Time is given, never read.
 */
export class Settling {
  readonly #settleMs: number
  readonly #held = new Map<string, { readonly stamp: string; readonly sinceMs: number }>()
  readonly #asked = new Set<string>()

  constructor(settleMs: number) {
    this.#settleMs = settleMs
  }

  /** What is held back. */
  get paths(): Iterable<string> {
    return this.#held.keys()
  }

  get size(): number {
    return this.#held.size
  }

  /** Has `path` looked like `stamp` for long enough? The first question starts the time. */
  isSettled(path: string, stamp: string, nowMs: number): boolean {
    this.#asked.add(path)
    const held = this.#held.get(path)
    if (held?.stamp !== stamp) this.#held.set(path, { stamp, sinceMs: nowMs })
    return held?.stamp === stamp && nowMs - held.sinceMs >= this.#settleMs
  }

  /** Ends a look: what was not asked about is no longer in doubt; what settled is `taken`. */
  endLook(taken: ReadonlySet<string>): void {
    for (const path of this.#held.keys()) {
      if (!this.#asked.has(path) || taken.has(path)) this.#held.delete(path)
    }
    this.#asked.clear()
  }
}
