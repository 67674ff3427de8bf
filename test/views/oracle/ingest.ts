import type { ProgressRow } from '../ingest-histories.ts'

/** What became of the records of one partition, offset by offset. */
export function ingestHealth(blocks: readonly ProgressRow[]): Record<string, unknown> {
  const sum = (field: 'records' | 'events' | 'dead_letters' | 'deletions' | 'tags') =>
    blocks.reduce((total, block) => total + block[field], 0)
  const dropped: Record<string, number> = {}
  for (const block of blocks) {
    // Checked: the histories write an object of counts.
    const counts = JSON.parse(block.dropped) as Record<string, number>
    for (const [reason, count] of Object.entries(counts)) {
      dropped[reason] = (dropped[reason] ?? 0) + count
    }
  }
  const logs = [...new Set(blocks.map(({ log }) => log))]
  const last = blocks.at(-1)
  const current = blocks.filter(({ log }) => log === last?.log)
  const highest = current.toSorted((a, b) => a.last_offset - b.last_offset).at(-1)
  return {
    topic: last?.topic,
    partition: last?.partition,
    blocks: blocks.length,
    records: sum('records'),
    events: sum('events'),
    dead_letters: sum('dead_letters'),
    deletions: sum('deletions'),
    missing: sum('records') - sum('events') - sum('dead_letters') - sum('deletions'),
    tags: sum('tags'),
    dropped,
    log: last?.log,
    last_offset: highest?.last_offset,
    last_block_time: new Date(last?.ingest_time ?? 0).toISOString(),
    adds_up: logs.every((log) => addsUp(blocks.filter((block) => block.log === log))),
  }
}

function addsUp(blocks: readonly ProgressRow[]): boolean {
  const times = new Map<number, number>()
  for (const { offset, last_offset } of blocks) {
    for (let one = offset; one <= last_offset; one++) times.set(one, (times.get(one) ?? 0) + 1)
  }
  const first = Math.min(...times.keys())
  const last = Math.max(...times.keys())
  const isEachOnce = times.size === last - first + 1 && [...times.values()].every((n) => n === 1)
  const count = (of: (block: ProgressRow) => number) =>
    blocks.reduce((total, block) => total + of(block), 0)
  const records = count((block) => block.records)
  const told = count((block) => block.events + block.dead_letters + block.deletions)
  return isEachOnce && records === times.size && told <= records
}
