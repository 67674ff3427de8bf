import fc from 'fast-check'
import { expect, test } from 'vitest'
import { globMatches } from './glob.ts'
import { anyCharacter, type Glob } from './node.ts'

/** Every way to place every segment. */
function matchesSomehow(segments: readonly string[], text: string): boolean {
  const [segment = '', ...rest] = segments
  const holdsAt = (at: number) =>
    at + segment.length <= text.length &&
    [...segment].every((one, index) => one === anyCharacter || one === text[at + index])
  if (!holdsAt(0)) return false
  const after = text.slice(segment.length)
  if (rest.length === 0) return after === ''
  return Array.from({ length: after.length + 1 }, (_, gap) => after.slice(gap)).some((left) =>
    matchesSomehow(rest, left),
  )
}

test('a pattern matches a text that it can be laid on in some way, and no other', () => {
  const segment = fc.string({ unit: fc.constantFrom('a', 'b', anyCharacter), maxLength: 4 })
  const segments = fc.array(segment, { minLength: 1, maxLength: 4 })
  const text = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 12 })
  fc.assert(
    fc.property(segments, text, (some, value) => {
      const glob: Glob = { segments: some, isCased: true }
      expect(globMatches(glob, value)).toBe(matchesSomehow(some, value))
    }),
    { numRuns: 5_000 },
  )
})

test('a gap of any characters alone needs room, and no more', () => {
  const glob: Glob = { segments: ['', anyCharacter.repeat(3), ''], isCased: true }
  expect(globMatches(glob, 'abc')).toBe(true)
  expect(globMatches(glob, 'ab')).toBe(false)
})
