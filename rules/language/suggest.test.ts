import { expect, test } from 'vitest'
import { didYouMean, editDistance } from './suggest.ts'

test('distance counts insertions, deletions, replacements and swaps of neighbours', () => {
  expect(editDistance('raw_ulr', 'raw_url')).toBe(1)
  expect(editDistance('kitten', 'sitting')).toBe(3)
  expect(editDistance('', 'abc')).toBe(3)
  expect(editDistance('same', 'same')).toBe(0)
})

test('the nearest known name is suggested, and nothing when all are far', () => {
  expect(didYouMean('raw_ulr', ['user', 'raw_url', 'path'])).toBe('did you mean `raw_url`?')
  expect(didYouMean('COMMAND_TXT', ['command_text'])).toBe('did you mean `command_text`?')
  expect(didYouMean('zzz', ['raw_url', 'path'])).toBeUndefined()
})
