/** The only reader of the wall clock. Tests pass their own. */

export interface Clock {
  /** Epoch milliseconds. */
  now(): number
}

/** Milliseconds that never run backwards, for measuring how long something took. */
export const monotonicMs = (): number => performance.now()

export const systemClock: Clock = { now: () => Date.now() }
