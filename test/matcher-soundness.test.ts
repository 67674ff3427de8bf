import fc from 'fast-check'
import { expect, test } from 'vitest'
import { naiveRevision } from '../rules/language/naive-revision.ts'
import { compileRevision } from '../rules/matcher/revision.ts'
import { Dice } from './dice.ts'
import { event, eventFor, rules } from './generated-rules.ts'

/** MATCHER_PAIRS=1000000 for a long run; MATCHER_SEED repeats one. */
const pairs = Number(process.env['MATCHER_PAIRS'] ?? 20_000)
const seed = Number(process.env['MATCHER_SEED'] ?? Date.now() % 2 ** 31)
const eventsPerSet = 10
/** Rule sets hold about twenty rules. */
const numRuns = Math.ceil(pairs / (20 * eventsPerSet))
process.stderr.write(`matcher soundness: ${pairs} pairs, MATCHER_SEED=${seed}\n`)

test('the indexed matcher gives what evaluating each rule gives', { timeout: 3_600_000 }, () => {
  let tested = 0
  let matches = 0
  const events = fc.array(event, { minLength: eventsPerSet, maxLength: eventsPerSet })
  fc.assert(
    fc.property(rules, events, fc.nat(), (set, bases, throws) => {
      const indexed = compileRevision(set)
      const naive = naiveRevision(set)
      const dice = new Dice(throws)
      for (const base of bases) {
        const one = eventFor(set, base, dice)
        const wanted = naive.match(one).map((rule) => rule.id)
        expect(indexed.match(one).map((rule) => rule.id)).toEqual(wanted)
        tested += set.length
        matches += wanted.length
      }
      expect(indexed.counters().filter(({ counters }) => counters.errorsTotal > 0)).toEqual([])
    }),
    { numRuns, seed },
  )
  process.stderr.write(`matcher soundness: ${tested} pairs, ${matches} matches\n`)
  // A run in which nothing matches would prove nothing.
  expect(matches).toBeGreaterThan(tested / 50)
})
