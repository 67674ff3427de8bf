import fc from 'fast-check'
import type { Row } from '../../schemas/table.ts'

/** Random progress of partitions, each under a topic of its own: whole, with gaps, with overlaps. */

export type ProgressRow = Row<'ingest_progress'>

const day0 = Date.UTC(2026, 0, 1)
const reasons = ['below_floor', 'disabled', 'rate_limited']

const block = fc.record({
  length: fc.integer({ min: 1, max: 9 }),
  /** From where the block before ended: mostly it goes on, sometimes it skips or repeats some. */
  shift: fc.oneof(
    { weight: 12, arbitrary: fc.constant(0) },
    { weight: 1, arbitrary: fc.constantFrom(-2, -1, 1, 2) },
  ),
  isNewLog: fc.oneof({ weight: 9, arbitrary: fc.constant(false) }, fc.constant(true)),
  absent: fc.oneof({ weight: 9, arbitrary: fc.constant(0) }, fc.constantFrom(-1, 1)),
  letters: fc.integer({ min: 0, max: 2 }),
  deletions: fc.integer({ min: 0, max: 1 }),
  tags: fc.integer({ min: 0, max: 5 }),
  dropped: fc.dictionary(fc.constantFrom(...reasons), fc.integer({ min: 1, max: 9 })),
  revision: fc.constantFrom('r1', 'r2'),
})

const history = fc.array(block, { minLength: 1, maxLength: 8 })

/** The blocks of each partition, in the order in which they were taken in. */
export function sampleProgress(seed: number, histories: number): ProgressRow[][] {
  return fc.sample(history, { seed, numRuns: histories }).map((blocks, key) => {
    const rows: ProgressRow[] = []
    let [log, next] = [0, 0]
    for (const [index, one] of blocks.entries()) {
      if (one.isNewLog && index > 0) [log, next] = [log + 1, 5]
      const offset = Math.max(0, next + one.shift)
      const letters = Math.min(one.letters, one.length)
      const deletions = Math.min(one.deletions, one.length - letters)
      rows.push({
        log: `log-${key}-${log}`,
        topic: `topic-${key}`,
        partition: 0,
        offset,
        ingest_time: day0 + index * 1_000,
        last_offset: offset + one.length - 1,
        store: 's',
        revision: one.revision,
        crc: 0,
        records: Math.max(0, one.length - one.absent),
        events: one.length - letters - deletions,
        dead_letters: letters,
        deletions,
        tags: one.tags,
        dropped: JSON.stringify(one.dropped),
      })
      next = offset + one.length
    }
    return rows
  })
}

/** As they come in: late and out of order, whichever partition. */
export function progressRows(histories: readonly ProgressRow[][]): ProgressRow[] {
  return histories.flat().toSorted((a, b) => b.offset - a.offset || (a.topic < b.topic ? -1 : 1))
}
