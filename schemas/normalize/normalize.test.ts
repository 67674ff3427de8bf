// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the strings are shell variables and lookups.
import { expect, test } from 'vitest'
import { normalizeFields } from './normalize.ts'

test('an event with nothing to derive from is returned itself', () => {
  const fields = { Image: 'C:\\x.exe', CommandLine: 'x' }
  expect(normalizeFields('process', fields)).toBe(fields)
  expect(normalizeFields('command', { command_text: 7 })).toEqual({ command_text: 7 })
})

test('a command gets its shell form, and a producer cannot supply it', () => {
  expect(
    normalizeFields('command', { command_text: "sudo w''get x", shell_line: 'forged', uid: 0 }),
  ).toEqual({
    command_text: "sudo w''get x",
    shell_line: 'wget x',
    shell_commands: ['sudo wget x', 'wget x'],
    uid: 0,
  })
})

test.each([
  ['"C:\\windows\\system32\\whoami.exe" /user', undefined],
  ['powershell.exe -nop', undefined],
  ['%COMSPEC% /c dir', undefined],
  ['dir & whoami', 'cmd.exe'],
])('a Windows command line has no shell form: %s', (text, shell) => {
  const fields = { command_text: text, ...(shell === undefined ? {} : { shell }) }
  expect(normalizeFields('process', fields)).toBe(fields)
})

test('a process of a Windows path has no shell form, whatever its command line looks like', () => {
  const fields = { Image: 'C:\\Windows\\System32\\net.exe', command_text: 'net user; whoami' }
  expect(normalizeFields('process', fields)).toBe(fields)
  const linux = normalizeFields('process', { Image: '/usr/bin/id', command_text: 'id' })
  expect(linux['shell_commands']).toEqual(['id'])
})

test('a request gets its URL and every text of it decoded', () => {
  const derived = normalizeFields('http_request', {
    raw_url: '/%2e%2e/x',
    user_agent: '${${lower:j}ndi:dns://x}',
    headers: { 'x-forwarded-for': '%2e', accept: 5 },
  })
  expect(derived['url_decoded']).toBe('/../x')
  expect(derived['http_decoded']).toEqual(['/../x', '${jndi:dns://x}', '.'])
})
