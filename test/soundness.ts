import fc from 'fast-check'
import { expect } from 'vitest'
import { naiveRevision } from '../rules/language/naive-revision.ts'
import { compileRevision } from '../rules/matcher/revision.ts'
import type { Revision, Rule } from '../rules/rule.ts'
import type { MatchEvent } from '../schemas/event.ts'
import { Dice } from './dice.ts'
import { event, eventFor, rules } from './generated-rules.ts'

const eventsPerSet = 10
/** Rule sets hold about twenty rules; what is short of `pairs` is made up for in further rounds. */
const rulesPerSet = 20

/**
 * Holds the indexed matcher to the reference evaluator on generated rules and events, each set also
 * compiled as the successor of the one before. Throws on the first difference, shrunk, with the seed that
 * repeats it.
 */
export function assertSound(pairs: number, seed: number): void {
  let tested = 0
  let matches = 0
  let previous = compileRevision([])
  const events = fc.array(event, { minLength: eventsPerSet, maxLength: eventsPerSet })
  const property = fc.property(rules, events, fc.nat(), (set, bases, throws) => {
    const indexed = compileRevision(set)
    previous = compileRevision(set, { previous })
    const naive = naiveRevision(set)
    const dice = new Dice(throws)
    for (const base of bases) {
      const one = eventFor(set, base, dice)
      const wanted = naive.match(one).map((rule) => rule.id)
      expect(indexed.match(one).map((rule) => rule.id)).toEqual(wanted)
      expect(previous.match(one).map((rule) => rule.id)).toEqual(wanted)
      assertMuted(previous, one, set, wanted)
      tested += set.length
      matches += wanted.length
    }
    expect(indexed.counters().filter(({ counters }) => counters.errorsTotal > 0)).toEqual([])
  })
  for (let round = 0; tested < pairs; round += 1) {
    const numRuns = Math.ceil((pairs - tested) / (rulesPerSet * eventsPerSet))
    fc.assert(property, { numRuns, seed: seed + round })
  }
  process.stderr.write(`matcher soundness: ${tested} pairs, ${matches} matches, seed ${seed}\n`)
  // A run in which nothing matches would prove nothing.
  expect(matches).toBeGreaterThan(tested / 50)
}

/** With every other rule muted the others match as ever, and no muted match goes untold. */
function assertMuted(
  revision: Revision,
  one: MatchEvent,
  set: readonly Rule[],
  wanted: readonly string[],
): void {
  const ruleIds = new Set(set.filter((_, place) => place % 2 === 0).map(({ id }) => id))
  const skipped = new Set<string>()
  const matched = revision.match(one, { ruleIds, onSkip: ({ id }) => skipped.add(id) })
  expect(matched.map(({ id }) => id)).toEqual(wanted.filter((id) => !ruleIds.has(id)))
  expect(wanted.filter((id) => ruleIds.has(id) && !skipped.has(id))).toEqual([])
}

/** MATCHER_SEED repeats a run. */
export function soundnessSeed(): number {
  const seed = Number(
    process.env['MATCHER_SEED'] ?? process.env['TEST_SEED'] ?? Date.now() % 2 ** 31,
  )
  process.stderr.write(`matcher soundness: MATCHER_SEED=${seed}\n`)
  return seed
}
