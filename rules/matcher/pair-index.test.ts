import fc from 'fast-check'
import { expect, test } from 'vitest'
import { IdSet } from './id-set.ts'
import { PairIndex } from './pair-index.ts'

function foundIn(text: Uint8Array | string, literals: readonly string[], sample: string[] = []) {
  const index = PairIndex.of(
    literals.map((literal, id) => ({ text: literal, id })),
    sample,
  )
  if (index === null) return null
  const found = new IdSet(literals.length)
  index.find(text, found)
  return literals.filter((_, id) => found.has(id))
}

test('what it finds is what stands in the text, in any case of letters', () => {
  // Few letters, so that pairs stand in many places and literals in some.
  const letters = fc.constantFrom(...'ab:\\|A[{"')
  const words = fc.array(fc.string({ unit: letters, minLength: 2, maxLength: 5 }), {
    minLength: 1,
    maxLength: 6,
  })
  fc.assert(
    fc.property(words, fc.string({ unit: letters, maxLength: 200 }), (some, text) => {
      const literals = [...new Set(some.map((word) => word.toLowerCase()))]
      const standing = literals.filter((literal) => text.toLowerCase().includes(literal))
      for (const form of [text, Buffer.from(text)]) {
        const found = foundIn(form, literals)
        if (found !== null) expect(found).toEqual(standing)
      }
    }),
  )
})

test('a literal is found wherever it stands, at both ends, and beyond a page of memory', () => {
  for (const length of [10, 16, 17, 33, 64, 70_000, 140_000]) {
    const starts =
      length > 100 ? [0, 65_400, length - 10] : Array.from({ length: length - 9 }, (_, at) => at)
    for (const start of starts) {
      const text = `${'.'.repeat(start)}sekurlsa::${'.'.repeat(length - start - 10)}`
      expect([length, start, foundIn(text, ['sekurlsa::', 'lsadump::'])]).toEqual([
        length,
        start,
        ['sekurlsa::'],
      ])
    }
  }
})

test('what a longer text before it held is not found', () => {
  const literals = ['sekurlsa::']
  expect(foundIn(`${'x'.repeat(40)}sekurlsa::`, literals)).toEqual(literals)
  expect(foundIn('x'.repeat(45), literals)).toEqual([])
  expect(foundIn('', literals)).toEqual([])
})

test('too many literals, or too unlike each other, are left to other ways', () => {
  expect(
    foundIn(
      '',
      Array.from({ length: 200 }, (_, n) => `word ${n}`),
    ),
  ).toBe(null)
  expect(
    foundIn(
      '',
      [...'abcdefghi'].map((letter) => letter.repeat(3)),
    ),
  ).toBe(null)
  expect(
    foundIn(
      '',
      [...'abcdefgh'].map((letter) => letter.repeat(3)),
    ),
  ).toEqual([])
})

test('pairs that the sample is full of are not the ones looked for', () => {
  const sample = 'the tested text '.repeat(100)
  const text = `${sample} tested:: ${sample}`
  expect(foundIn(text, ['tested::'], [sample])).toEqual(['tested::'])
})
