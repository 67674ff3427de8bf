import { expect, test } from 'vitest'
import { canonicalJson, uuid5 } from './hash.ts'

test('the DNS namespace example of RFC 9562 gives its published UUID', () => {
  expect(uuid5('6ba7b810-9dad-11d1-80b4-00c04fd430c8', 'www.example.com')).toBe(
    '2ed6657d-e927-568b-95e1-2665a8aea6a2',
  )
})

test('canonical JSON does not depend on key order', () => {
  expect(canonicalJson({ b: [1, { d: null, c: 'x' }], a: undefined })).toBe(
    canonicalJson({ b: [1, { c: 'x', d: null }] }),
  )
})
