import { expect, test } from 'vitest'
import { addressNames, canonicalHost, hostNames, shortHost, userNames } from './name.ts'

test('a host is known by its full and its short name', () => {
  expect(hostNames(['WORKSTATION5.Example.local', 'dc1', 'workstation5'])).toEqual([
    'workstation5.example.local',
    'workstation5',
    'dc1',
  ])
})

test('an address is not cut at its first dot', () => {
  expect(hostNames(['172.18.39.5'])).toEqual(['172.18.39.5'])
  expect(shortHost('172.18.39.5')).toBe('172.18.39.5')
})

test('a rooted name equals the same name without its dot', () => {
  expect(canonicalHost(' DC1.example.local. ')).toBe('dc1.example.local')
})

test('a user is known with and without the domain', () => {
  expect(userNames(['EXAMPLE\\Op', 'op@example.local', 'root'])).toEqual([
    'example\\op',
    'op',
    'op@example.local',
    'root',
  ])
})

test('two spellings of one address are one', () => {
  expect(addressNames(['::ffff:203.0.113.9', '203.0.113.9:22', 'gateway'])).toEqual([
    '203.0.113.9',
    'gateway',
  ])
})
