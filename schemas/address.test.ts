import { expect, test } from 'vitest'
import { canonicalAddress } from './address.ts'

test.each([
  ['203.0.113.9', '203.0.113.9'],
  [' 203.0.113.9 ', '203.0.113.9'],
  ['203.0.113.9:51234', '203.0.113.9'],
  ['::ffff:203.0.113.9', '203.0.113.9'],
  ['::FFFF:CB00:7109', '203.0.113.9'],
  ['[::ffff:203.0.113.9]:22', '203.0.113.9'],
  ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
  ['[2001:db8::1]', '2001:db8::1'],
  ['[2001:db8::1]:443', '2001:db8::1'],
  ['fe80::1%eth0', 'fe80::1'],
  ['::1', '::1'],
])('%j is the address %j', (text, address) => {
  expect(canonicalAddress(text)).toBe(address)
  expect(canonicalAddress(canonicalAddress(text))).toBe(address)
})

test.each([
  '',
  '-',
  'dc1.example.local',
  '10.1',
  '0x7f.1',
  '203.0.113.9:port',
  '256.1.1.1',
  '[2001:db8::1',
  '[2001:db8::1]x',
  `${'1'.repeat(200)}`,
])('%j is not an address', (text) => {
  expect(canonicalAddress(text)).toBe('')
})
