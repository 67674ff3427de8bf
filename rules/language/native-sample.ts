import type { LogSource } from '../../schemas/event.ts'
import { commonFields, isFieldOf, kinds as kindSpecs } from '../../schemas/kind.ts'
import type { Rule, RuleSample } from '../rule.ts'
import type { RuleContext } from './context.ts'
import { Keys } from './keys.ts'
import type { Report, Span } from './report.ts'
import { sampleProblem } from './sample.ts'
import { didYouMean } from './suggest.ts'
import { plainValue, type YamlNode } from './yaml.ts'

export interface LocatedSample {
  readonly sample: RuleSample
  readonly at: Span
}

/** The `tests` of a native rule, with where each stands. */
export function parseSamples(
  report: Report,
  items: readonly YamlNode[],
  kinds: readonly string[],
): readonly LocatedSample[] {
  return items.flatMap((item) => {
    const sample = parseSample(report, item, kinds)
    return sample === undefined ? [] : [{ sample, at: firstKey(item) }]
  })
}

function firstKey(item: YamlNode): Span {
  return item.kind === 'map' ? (item.entries[0]?.key ?? item) : item
}

function parseSample(
  report: Report,
  item: YamlNode,
  kinds: readonly string[],
): RuleSample | undefined {
  if (item.kind !== 'map') {
    report.error('value-type', 'a test is a map', item, 'such as `- event: { … }`')
    return undefined
  }
  const keys = new Keys(report, item, 'a test')
  keys.rejectUnknown(['name', 'kind', 'logsource', 'event', 'emits'])
  keys.require('emits')
  const event = keys.require('event') === undefined ? undefined : keys.map('event')
  const kind = keys.text('kind') ?? kinds[0] ?? ''
  if (kinds.length > 0 && !kinds.includes(kind)) {
    const note = didYouMean(kind, kinds) ?? `it applies to ${kinds.join(', ')}`
    report.error('unknown-kind', `the rule does not apply to \`${kind}\``, keys.at('kind'), note)
  }
  const emits = keys.texts('emits').map((scalar) => scalar.text)
  if (event === undefined) return undefined
  for (const { key } of event.entries) {
    if (isSampleField(kind, key.text)) continue
    const message = `\`${key.text}\` is not a field of \`${kind}\``
    report.error('unknown-field', message, key, didYouMean(key.text, kindSpecs[kind]?.fields ?? []))
  }
  const fields = Object.fromEntries(
    event.entries.map(({ key, value }) => [key.text, plainValue(value)]),
  )
  return { kind, logsource: parseLogsource(keys), fields, emits, line: report.line(item.start) }
}

/** A field, or the head of a path to one. */
function isSampleField(kind: string, key: string): boolean {
  if (isFieldOf(kind, key)) return true
  const fields = [...commonFields, ...(kindSpecs[kind]?.fields ?? [])]
  return fields.some((field) => field.startsWith(`${key}.`))
}

function parseLogsource(keys: Keys): LogSource {
  const map = keys.map('logsource')
  if (map === undefined) return {}
  return Object.fromEntries(
    map.entries.flatMap(({ key, value }) =>
      value.kind === 'scalar' ? [[key.text, value.text.toLowerCase()]] : [],
    ),
  )
}

/** Reports every sample that the compiled rule does not answer as it says. */
export function runSamples(
  report: Report,
  rule: Rule,
  samples: readonly LocatedSample[],
  context: RuleContext,
): void {
  for (const { sample, at } of samples) {
    const fields = context.prepare(sample.kind, sample.fields)
    const event = { kind: sample.kind, logsource: sample.logsource, fields }
    const problem = sampleProblem(rule, sample, event, context.attack)
    if (problem !== undefined) {
      report.error('test-failed', problem, at, 'see `rules explain`')
    }
  }
}
