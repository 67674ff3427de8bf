/** Named places of the block loop where a crash test may kill or freeze the engine; free when unset. */

export const failpoints = [
  'cut',
  'intent',
  'facts',
  'dead-letters',
  'tags',
  'publish',
  'progress',
  'done',
] as const

export type FailpointName = (typeof failpoints)[number]

/** Called right after the phase of that name. */
export type Failpoint = (name: FailpointName) => void

export const noFailpoint: Failpoint = () => {}
