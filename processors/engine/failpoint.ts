/** Named places where a crash test may kill or freeze the engine; free when unset. */

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

/**
 * `name:kill` or `name:stop`, optionally `:N` for the Nth time the place is passed (default 1).
 * `stop` freezes the process with SIGSTOP; whoever tests sends SIGCONT.
 */
export function parseFailpoint(text: string): Failpoint {
  if (text === '') return noFailpoint
  const [name, action, nth = '1'] = text.split(':')
  let left = Number(nth)
  return (passed) => {
    if (passed !== name) return
    left -= 1
    if (left === 0) process.kill(process.pid, action === 'stop' ? 'SIGSTOP' : 'SIGKILL')
  }
}
