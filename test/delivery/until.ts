import assert from 'node:assert/strict'
import { setTimeout } from 'node:timers/promises'

/** Waits until `holds`, and no longer than a minute; the error says what was waited for. */
export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  waitMsMax = 60_000,
  pollMs = 50,
): Promise<void> {
  const end = Date.now() + waitMsMax
  while (!(await holds())) {
    if (Date.now() > end) assert.fail(`waited ${waitMsMax / 1000} s for ${what}`)
    await setTimeout(pollMs)
  }
}
