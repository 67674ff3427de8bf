import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { LogRecord } from '../core/kafka.ts'
import { createCatalogProcessor } from './catalog.ts'
import { chainMax, Merges } from './merges.ts'
import type { BlockContext, Outcome, Processor } from './processor.ts'

/** Merges in log order, through the catalogue's processor. */

const context: BlockContext = {
  log: 'l1',
  topic: 'ttp.catalog',
  partition: 0,
  timeMs: Date.UTC(2026, 10, 1),
  revision: { id: 'r', rules: [], match: () => [] },
  states: new Map(),
}

interface Change {
  readonly id: string
  readonly loser?: string
  readonly winner?: string
  readonly kind?: 'identity' | 'campaign'
}

/** A change without a loser ends the merge. */
function record({ id, loser, winner, kind = 'identity' }: Change, offset: number): LogRecord {
  const entity = { entity_kind: kind, loser_id: loser, winner_id: winner }
  const change = loser === undefined ? { op: 'delete' } : { entity }
  const value = Buffer.from(JSON.stringify({ kind: 'merge', id, ...change }))
  return { offset, timestampMs: context.timeMs, key: null, value }
}

const fresh = () => createCatalogProcessor({ recordBytesMax: 10_000 })
const told = (changes: readonly Change[]) => changes.map(record)
const refusals = ({ rows }: Outcome) =>
  (rows.dead_letters ?? []).map(({ offset, code, reason }) => [offset, code, reason])

test('a merge that would close a circle is refused, and stands once the circle is open', () => {
  const outcome = fresh().process(
    context,
    told([
      { id: 'm1', loser: 'a', winner: 'b' },
      { id: 'm2', loser: 'b', winner: 'c' },
      { id: 'm3', loser: 'c', winner: 'a' },
      { id: 'm1' },
      { id: 'm3', loser: 'c', winner: 'a' },
    ]),
  )
  expect(refusals(outcome)).toEqual([
    [2, 'merge-circle', 'this would close a circle: c → a → b → c'],
  ])
  expect(outcome.events).toBe(4)
})

test('a loser has one winner; a merge may change its own, and campaigns are a world apart', () => {
  const outcome = fresh().process(
    context,
    told([
      { id: 'm1', loser: 'a', winner: 'b' },
      { id: 'm2', loser: 'a', winner: 'c' },
      { id: 'm1', loser: 'a', winner: 'c' },
      { id: 'm1', loser: 'c', winner: 'a' },
      { id: 'm3', kind: 'campaign', loser: 'a', winner: 'c' },
    ]),
  )
  expect(refusals(outcome)).toEqual([
    [1, 'already-merged', 'identity a is merged into b already; end merge m1 first'],
  ])
})

test('a chain of 32 merges stands, a longer one does not, from either end', () => {
  const chain = Array.from({ length: chainMax }, (_, index) => ({
    id: `m${index}`,
    loser: `i${index}`,
    winner: `i${index + 1}`,
  }))
  const more = [
    { id: 'top', loser: `i${chainMax}`, winner: 'x' },
    { id: 'bottom', loser: 'y', winner: 'i0' },
    { id: 'beside', loser: 'y', winner: 'i1' },
  ]
  const outcome = fresh().process(context, told([...chain, ...more]))
  expect(refusals(outcome).map(([offset, code]) => [offset, code])).toEqual([
    [chainMax, 'merge-chain-too-long'],
    [chainMax + 1, 'merge-chain-too-long'],
  ])
})

test('a circle that tables hold from elsewhere ends no loop', () => {
  const rows = fresh().process(context, told([{ id: 'm1', loser: 'a', winner: 'b' }])).rows
  const others = fresh().process(context, told([{ id: 'm2', loser: 'b', winner: 'a' }])).rows
  const merges = new Merges([...(rows.catalog_events ?? []), ...(others.catalog_events ?? [])])
  const processor = createCatalogProcessor({ recordBytesMax: 10_000 }, merges)
  const later = processor.process(context, [record({ id: 'm3', loser: 'c', winner: 'a' }, 9)])
  expect(later.events + (later.rows.dead_letters?.length ?? 0)).toBe(1)
})

const name = fc.constantFrom('a', 'b', 'c', 'd', 'e')
const change = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ id: fc.constantFrom('1', '2', '3', '4'), loser: name, winner: name }),
  },
  fc.record({ id: fc.constantFrom('1', '2', '3', '4') }),
)

/** Every change tried on all edges by hand: accepted unless a loser has two winners or a walk comes back. */
function accepted(changes: readonly Change[]): readonly number[] {
  let edges = new Map<string, readonly [string, string]>()
  const offsets: number[] = []
  for (const [offset, { id, loser, winner }] of changes.entries()) {
    const next = new Map(edges)
    next.delete(id)
    if (loser !== undefined && winner !== undefined) {
      if (loser === winner) continue
      next.set(id, [loser, winner])
    }
    const losers = [...next.values()].map(([from]) => from)
    const isTree = new Set(losers).size === losers.length
    const returns = losers.some((start) => {
      let at: string | undefined = start
      for (let step = 0; step < 6 && at !== undefined; step++) {
        at = [...next.values()].find(([from]) => from === at)?.[1]
        if (at === start) return true
      }
      return false
    })
    if (!isTree || returns) continue
    edges = next
    offsets.push(offset)
  }
  return offsets
}

test('what stands is a forest; however blocks are cut, repeated or recalled, the verdicts are the same', () => {
  fc.assert(
    fc.property(
      fc.array(change, { maxLength: 30 }),
      fc.array(
        fc.record({
          size: fc.integer({ min: 1, max: 6 }),
          what: fc.constantFrom('on', 'again', 'recall'),
        }),
        {
          minLength: 30,
          maxLength: 30,
        },
      ),
      (changes, blocks) => {
        const records = told(changes)
        const rows: NonNullable<Outcome['rows']['catalog_events']>[number][] = []
        let processor: Processor = fresh()
        let from = 0
        for (const { size, what } of blocks) {
          const block = records.slice(from, from + size)
          if (what === 'again') processor.process(context, records.slice(from))
          if (what === 'recall') processor = fresh().memory?.recall(rows) ?? processor
          rows.push(...(processor.process(context, block).rows.catalog_events ?? []))
          from += block.length
        }
        expect(rows.map(({ offset }) => offset)).toEqual(accepted(changes))
      },
    ),
    { numRuns: 500 },
  )
})

test('another log begins without the merges of the one before', () => {
  const processor = fresh()
  processor.process(context, told([{ id: 'm1', loser: 'a', winner: 'b' }]))
  const other = processor.process(
    { ...context, log: 'l2' },
    told([{ id: 'm2', loser: 'b', winner: 'a' }]),
  )
  expect(refusals(other)).toEqual([])
})
