import { setTimeout as sleep } from 'node:timers/promises'

/** A supervisor kills what has not ended by then; Kubernetes waits 30 s, an impatient operator less. */
const closeMsMax = 10_000
const patienceMs = 8_000

/**
 * Closes one thing after another, and returns in time whatever its server does. `hurry` is called
 * when patience is over: what still waits for a server is to be given up then.
 */
export async function closeInTime(
  closers: readonly (() => Promise<void>)[],
  hurry: () => void,
): Promise<void> {
  const deadline = new AbortController()
  const { signal } = deadline
  const hurrying = sleep(patienceMs, undefined, { signal }).then(hurry, () => {})
  const late = sleep(closeMsMax, undefined, { signal }).catch(() => {})
  try {
    await Promise.race([closeAll(closers), late])
  } finally {
    deadline.abort()
    await hurrying
  }
}

/** What cannot be closed keeps nothing else from being closed; its error is the answer. */
async function closeAll(closers: readonly (() => Promise<void>)[]): Promise<void> {
  const failures: unknown[] = []
  for (const close of closers) {
    await close().catch((cause: unknown) => failures.push(cause))
  }
  if (failures.length > 0) throw failures[0]
}
