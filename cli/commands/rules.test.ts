import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, expect, test } from 'vitest'
import { parseArguments } from '../command.ts'
import { ruleCommands } from './rules.ts'

const folder = mkdtempSync(join(tmpdir(), 'ttpstream-rule-commands-'))
const events = join(folder, 'events.ndjson.gz')
const [old, next] = [join(folder, 'old'), join(folder, 'new')]
for (const [path, word] of [
  [old, 'whoami'],
  [next, 'hostname'],
] as const) {
  mkdirSync(path)
  const rule = `rule_id: a.word
rule_version: 1
name: A word
applies_to: [command]
match: { word: { command_text|startswith: ${word} }, other: { user: root }, condition: word }
emits:
  - { technique_id: T1033, tactic: TA0007, confidence: 0.8 }
  - { technique_id: T1082, tactic: TA0007, confidence: 0.8, when: other }
`
  writeFileSync(join(path, 'a.yaml'), rule)
}
const commands = ['whoami', 'hostname', 'hostname -f'].map((command_text) =>
  JSON.stringify({ kind: 'command', host: 'h', user: 'root', command_text }),
)
writeFileSync(events, gzipSync(commands.join('\n')))

afterAll(() => rmSync(folder, { recursive: true }))

async function command(name: string, ...words: string[]): Promise<{ code: number; out: string }> {
  const found = ruleCommands.find((one) => one.name === name)
  if (found === undefined) throw new Error(`no command ${name}`)
  let out = ''
  const take = (text: string) => {
    out += text
  }
  const io = { out: take, err: take, signal: new AbortController().signal }
  return { code: await found.run(parseArguments(found, words), io), out }
}

test('a backtest reads the records of a compressed file', async () => {
  const { out } = await command('rules backtest', old, next, '--events', events)
  expect(out).toContain('a.word (edited): 1 → 2 events, 2 gained, 1 lost')
  expect(out).toContain('3 events')
})

test('run names the line of each match, and explain takes it', async () => {
  const { out } = await command('rules run', '--rules', next, '--events', events, '--json')
  const matches = out.trim().split('\n')
  expect(matches.map((line): unknown => JSON.parse(line))).toEqual(
    [2, 3].map((event) => ({ rule_id: 'a.word', event, technique_ids: ['T1033', 'T1082'] })),
  )
  const words = ['a.word', '--rules', next, '--event', events, '--line']
  expect(await command('rules explain', ...words, '2')).toMatchObject({ code: 0 })
  expect(await command('rules explain', ...words, '1')).toMatchObject({ code: 1 })
})

test('what is missing is a mistake of the caller, told in a sentence', async () => {
  const none = join(folder, 'none')
  const run = command('rules run', '--rules', old, '--events', none)
  await expect(run).rejects.toThrow(/none is not there/)
  await expect(command('rules lint', none)).rejects.toThrow(/none is not there/)
  const empty = join(folder, 'empty')
  mkdirSync(empty)
  await expect(command('rules coverage', empty)).rejects.toThrow(/No rule loads from .*rules check/)
  await expect(command('rules explain', '--rules', old)).rejects.toThrow(/--event is missing/)
})
