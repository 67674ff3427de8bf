import { canonicalJson, sha256Hex } from '../../core/hash.ts'
import { dayMs, hourMs, minuteMs, secondMs } from '../../core/units.ts'
import type { Emit, Severity } from '../rule.ts'
import { numberOf } from '../value.ts'
import type { RuleDocument } from './collection.ts'
import { severityOf } from './confidence.ts'
import type { RuleContext } from './context.ts'
import { Keys } from './keys.ts'
import { versionText } from './logic-hash.ts'
import type { Report } from './report.ts'
import { parseHeader } from './sigma.ts'
import { parseSigmaTags } from './sigma-emit.ts'
import { didYouMean } from './suggest.ts'
import type { YamlMap } from './yaml.ts'

/** A Sigma correlation: checked, and kept as data until something runs it over events and tags. */
export interface Correlation {
  readonly id: string
  readonly title: string
  /** Sigma's `name`, by which another correlation may refer to it. */
  readonly reference?: string
  readonly description: string
  readonly type: CorrelationType
  /** Ids or names of rules and correlations; ordered where the type is. */
  readonly rules: readonly string[]
  /** Fields or aliases that must be equal within a group. */
  readonly groupBy: readonly string[]
  readonly timespanMs: number
  /** All must hold; of a count of events, of values, or of different rules. */
  readonly bounds: readonly CorrelationBound[]
  /** Fields whose different values a `value_count` counts. */
  readonly valueFields: readonly string[]
  /** Alias → rule → field. */
  readonly aliases: Readonly<Record<string, Readonly<Record<string, string>>>>
  /** Do the rules it refers to tag on their own too? */
  readonly isGenerating: boolean
  readonly severity: Severity
  readonly emits: readonly Emit[]
  readonly version: string
  readonly ruleHash: string
  readonly logicHash: string
  readonly file: string
  readonly line: number
}

const types = ['event_count', 'value_count', 'temporal', 'temporal_ordered'] as const
export type CorrelationType = (typeof types)[number]

const boundOps = ['gt', 'gte', 'lt', 'lte', 'eq', 'neq'] as const

export interface CorrelationBound {
  readonly op: (typeof boundOps)[number]
  readonly value: number
}

const correlationKeys = [
  'type',
  'rules',
  'group-by',
  'timespan',
  'condition',
  'aliases',
  'generate',
] as const

/** Undefined when it has errors; `report` has all of them. */
export function parseCorrelation(
  report: Report,
  document: RuleDocument,
  context: RuleContext,
): Correlation | undefined {
  const errorsBefore = report.errorCount
  const outer = new Keys(report, document.map, 'a Sigma correlation')
  const header = parseHeader(report, outer)
  const map = outer.map('correlation')
  if (map === undefined) return undefined
  const keys = new Keys(report, map, 'a correlation')
  keys.rejectUnknown(correlationKeys)
  const type = parseType(report, keys)
  const rules = keys.texts('rules').map((scalar) => scalar.text.trim())
  if (keys.require('rules') !== undefined && rules.length === 0) {
    report.error('missing-key', '`rules` names at least one rule', keys.at('rules'))
  }
  const timespanMs = parseTimespan(report, keys)
  const condition = parseBounds(report, keys, type, rules.length)
  const logic = {
    type: type ?? 'event_count',
    rules,
    groupBy: keys.texts('group-by').map((scalar) => scalar.text.trim()),
    timespanMs,
    ...condition,
    aliases: parseAliases(report, keys),
    emits: parseSigmaTags(report, outer.texts('tags'), header.confidence, context.attack),
  }
  if (report.errorCount > errorsBefore) return undefined
  const hash = sha256Hex(canonicalJson(logic))
  return {
    id: header.id,
    title: header.title,
    ...(header.name === undefined ? {} : { reference: header.name }),
    description: header.description,
    ...logic,
    isGenerating: keys.text('generate') === 'true',
    severity: severityOf(header.level),
    version: versionText(header.declared, hash),
    ruleHash: sha256Hex(document.text),
    logicHash: hash,
    file: report.file,
    line: report.line(document.map.start),
  }
}

function parseType(report: Report, keys: Keys): CorrelationType | undefined {
  if (keys.require('type') === undefined) return undefined
  const text = keys.text('type') ?? ''
  const type = types.find((one) => one === text)
  if (type !== undefined) return type
  const note = didYouMean(text, types) ?? `it is one of ${types.join(', ')}`
  report.error(
    'correlation-type',
    `\`${text}\` is not supported`,
    keys.get('type') ?? keys.at('type'),
    note,
  )
  return undefined
}

const units: Readonly<Record<string, number>> = {
  s: secondMs,
  m: minuteMs,
  h: hourMs,
  d: dayMs,
  w: 7 * dayMs,
}

function parseTimespan(report: Report, keys: Keys): number {
  if (keys.require('timespan') === undefined) return 0
  const [, count, unit] = /^(\d{1,6})([smhdw])$/.exec(keys.text('timespan') ?? '') ?? []
  const timespanMs = Number(count) * (units[unit ?? ''] ?? 0)
  if (timespanMs > 0) return timespanMs
  const at = keys.get('timespan') ?? keys.at('timespan')
  report.error('value-type', '`timespan` takes a number and s, m, h, d or w', at, 'such as 90m')
  return 0
}

function parseBounds(
  report: Report,
  keys: Keys,
  type: CorrelationType | undefined,
  ruleCount: number,
): Pick<Correlation, 'bounds' | 'valueFields'> {
  const isTemporal = type === 'temporal' || type === 'temporal_ordered'
  // Without a condition a temporal correlation wants every one of its rules.
  if (isTemporal && keys.get('condition') === undefined) {
    return { bounds: [{ op: 'gte', value: ruleCount }], valueFields: [] }
  }
  const map = keys.require('condition') === undefined ? undefined : keys.map('condition')
  if (map === undefined) return { bounds: [], valueFields: [] }
  const condition = new Keys(report, map, 'a correlation condition')
  condition.rejectUnknown([...boundOps, 'field'])
  const bounds = boundOps.flatMap((op) => {
    const scalar = condition.scalar(op)
    if (scalar === undefined) return []
    const value = numberOf(scalar.text)
    if (Number.isInteger(value)) return [{ op, value }]
    report.error('value-type', `\`${op}\` takes a whole number`, scalar)
    return []
  })
  const valueFields = condition.texts('field').map((scalar) => scalar.text.trim())
  if (bounds.length === 0) {
    report.error('missing-key', `a condition needs one of ${boundOps.join(', ')}`, map)
  }
  if (bounds.length > 0 && !isWithinReach(bounds, isTemporal ? ruleCount : Infinity)) {
    const note = 'counts are taken at events and begin at 1: that nothing came is not seen'
    report.error('correlation-bound', 'no count meets this condition', map, note)
  }
  if (type === 'value_count' && valueFields.length === 0) {
    report.error('missing-key', '`value_count` needs `field`', map)
  }
  return { bounds, valueFields }
}

const holds: Readonly<Record<CorrelationBound['op'], (count: number, value: number) => boolean>> = {
  gt: (count, value) => count > value,
  gte: (count, value) => count >= value,
  lt: (count, value) => count < value,
  lte: (count, value) => count <= value,
  eq: (count, value) => count === value,
  neq: (count, value) => count !== value,
}

/** Is there a whole number from 1 to `most` that meets every bound? */
function isWithinReach(bounds: readonly CorrelationBound[], most: number): boolean {
  const meets = (count: number) => bounds.every(({ op, value }) => holds[op](count, value))
  // If any number does, one of these does: at a bound, beside it, or an end of the range.
  const near = bounds.flatMap(({ value }) => [value - 2, value - 1, value, value + 1, value + 2])
  return [1, 2, ...near].some((count) => count >= 1 && count <= most && meets(count))
}

function parseAliases(report: Report, keys: Keys): Correlation['aliases'] {
  const map = keys.map('aliases')
  if (map === undefined) return {}
  return Object.fromEntries(
    map.entries.flatMap(({ key, value }) => {
      if (value.kind === 'map') return [[key.text, fieldsByRule(report, value)]]
      report.error('value-type', 'an alias is a map from rule to field', value)
      return []
    }),
  )
}

function fieldsByRule(report: Report, map: YamlMap): Readonly<Record<string, string>> {
  return Object.fromEntries(
    map.entries.flatMap(({ key, value }) => {
      if (value.kind === 'scalar') return [[key.text, value.text.trim()]]
      report.error('value-type', 'an alias names one field for each rule', value)
      return []
    }),
  )
}
