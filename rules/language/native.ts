import { sha256Hex } from '../../core/hash.ts'
import { commonFields, isFieldOf, kinds as kindSpecs } from '../../schemas/kind.ts'
import { isEvidenceField } from '../evidence.ts'
import type { Node } from '../node.ts'
import { normalizeRegex, regexProblem } from '../regex.ts'
import type { Rule, Severity } from '../rule.ts'
import type { RuleDocument } from './collection.ts'
import type { RuleContext } from './context.ts'
import { type Detection, parseDetection } from './detection.ts'
import { Keys } from './keys.ts'
import { logicHash, versionText } from './logic-hash.ts'
import { parseNativeEmits } from './native-emit.ts'
import { parseSamples, runSamples } from './native-sample.ts'
import type { Report, Span } from './report.ts'
import { didYouMean } from './suggest.ts'
import { sigmaCategories } from './taxonomy.ts'
import { orOf } from './tree.ts'
import type { YamlMap } from './yaml.ts'

/** Every key of a native TTP rule (R1). */
export const nativeKeys = [
  'rule_id',
  'rule_version',
  'name',
  'description',
  'severity',
  'applies_to',
  'match',
  'emits',
  'evidence_fields',
  'shadow',
  'tests',
  'references',
  'last_reviewed',
] as const

const severities: readonly Severity[] = ['informational', 'low', 'medium', 'high', 'critical']

/** Undefined when it has errors; `report` has all of them. */
export function parseNative(
  report: Report,
  document: RuleDocument,
  context: RuleContext,
): Rule | undefined {
  const errorsBefore = report.errorCount
  const keys = new Keys(report, document.map, 'a rule')
  keys.rejectUnknown(nativeKeys)
  for (const name of ['rule_id', 'rule_version', 'name', 'applies_to', 'match', 'emits'] as const) {
    keys.require(name)
  }
  const id = parseId(report, keys)
  const declared = parseVersion(report, keys)
  const name = keys.text('name') ?? ''
  const kinds = parseKinds(report, keys, context)
  const checkField = fieldChecker(report, kinds)
  const detection = parseMatch(report, keys, kinds, checkField, context)
  const emits = parseNativeEmits(report, keys.items('emits'), keys.at('emits'), {
    attack: context.attack,
    selections: new Set(detection?.selections.keys() ?? []),
    checkField,
  })
  const evidenceFields = keys.texts('evidence_fields').map((scalar) => {
    checkField(scalar.text, scalar)
    if (kinds.some((kind) => !isEvidenceField(kind, scalar.text))) {
      const note = 'secrets, and of mail all but hashes, counts and domains, stay out of tags'
      report.error('private-evidence', `\`${scalar.text}\` cannot be evidence`, scalar, note)
    }
    return scalar.text
  })
  const severity = parseSeverity(report, keys)
  keys.texts('references')
  parseDay(report, keys, 'last_reviewed')
  const isShadow = keys.flag('shadow', false)
  const samples = parseSamples(report, keys.items('tests'), kinds)
  if (detection === undefined || report.errorCount > errorsBefore) return undefined
  const logic = { kinds, logsource: {}, ...detection, emits, evidenceFields }
  const hash = logicHash(logic)
  const rule: Rule = {
    id,
    language: 'native',
    name,
    description: keys.text('description') ?? '',
    version: versionText(String(declared), hash),
    ruleHash: sha256Hex(document.text),
    logicHash: hash,
    severity,
    ...logic,
    ...(isShadow ? { isShadow } : {}),
    samples: samples.map(({ sample }) => sample),
    file: report.file,
    line: report.line(document.map.start),
  }
  runSamples(report, rule, samples, context)
  return report.errorCount > errorsBefore ? undefined : rule
}

function parseId(report: Report, keys: Keys): string {
  const id = keys.text('rule_id') ?? ''
  if (id !== '' && !/^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/.test(id)) {
    const note = 'letters, digits and . _ : - , at most 128'
    report.error(
      'rule-id',
      `\`${id}\` is not an id`,
      keys.get('rule_id') ?? keys.at('rule_id'),
      note,
    )
  }
  return id
}

function parseVersion(report: Report, keys: Keys): number {
  const version = keys.number('rule_version')
  if (version === undefined || (Number.isInteger(version) && version >= 0)) return version ?? 0
  const at = keys.get('rule_version') ?? keys.at('rule_version')
  report.error('value-type', '`rule_version` takes a whole number', at)
  return 0
}

function parseKinds(report: Report, keys: Keys, context: RuleContext): readonly string[] {
  const known = [...Object.keys(kindSpecs), ...sigmaCategories, ...(context.extraKinds ?? [])]
  const scalars = keys.texts('applies_to')
  if (keys.get('applies_to') !== undefined && scalars.length === 0) {
    report.error(
      'missing-key',
      '`applies_to` names at least one source kind',
      keys.at('applies_to'),
    )
  }
  const kinds = new Set<string>()
  for (const scalar of scalars) {
    if (known.includes(scalar.text)) {
      kinds.add(scalar.text)
      continue
    }
    const note = didYouMean(scalar.text, known) ?? `it is one of ${known.join(', ')}`
    report.error('unknown-kind', `\`${scalar.text}\` is not a source kind`, scalar, note)
  }
  return [...kinds]
}

/** A field must be one that every kind of the rule can carry. */
function fieldChecker(report: Report, kinds: readonly string[]) {
  return (field: string, at: Span): void => {
    for (const kind of kinds) {
      const spec = kindSpecs[kind]
      if (spec === undefined || isFieldOf(kind, field)) continue
      const known = [...spec.fields, ...commonFields].filter((name) => !name.endsWith('.*'))
      const note = didYouMean(field, known) ?? `it has ${known.join(', ')}, fields.*`
      report.error('unknown-field', `\`${field}\` is not a field of \`${kind}\``, at, note)
    }
  }
}

function parseMatch(
  report: Report,
  keys: Keys,
  kinds: readonly string[],
  checkField: (field: string, at: Span) => void,
  context: RuleContext,
): Detection | undefined {
  const map = keys.map('match')
  if (map === undefined) return undefined
  if (map.entries.some(({ key }) => key.text === 'pattern')) {
    return parseShortForm(report, map, kinds, checkField)
  }
  const whens = keys.items('emits').flatMap((item) => {
    if (item.kind !== 'map') return []
    const when = item.entries.find(({ key }) => key.text === 'when')?.value
    return when?.kind === 'scalar' ? [when.text] : []
  })
  return parseDetection(report, map, {
    placeholders: context.placeholders,
    reserved: [],
    usedElsewhere: new Set(whens),
    checkField,
  })
}

/** `field` and `pattern`; without a field, the default one of each kind (R2). */
function parseShortForm(
  report: Report,
  map: YamlMap,
  kinds: readonly string[],
  checkField: (field: string, at: Span) => void,
): Detection | undefined {
  const keys = new Keys(report, map, 'the short form of `match`')
  keys.rejectUnknown(['field', 'pattern'])
  const field = keys.text('field')
  if (field !== undefined) checkField(field, keys.get('field') ?? map)
  const fields = field === undefined ? defaultFields(report, keys, kinds) : [field]
  const scalar = keys.scalar('pattern')
  if (scalar === undefined || scalar.text === '') {
    report.error('missing-key', '`pattern` is empty', keys.at('pattern'))
    return undefined
  }
  const { pattern, flags } = normalizeRegex(scalar.text, '')
  const problem = regexProblem(pattern, flags)
  if (problem !== undefined) {
    const note = 'patterns run in linear time: no look-around, no back-references'
    report.error('regex', problem, scalar, note)
    return undefined
  }
  const leaves = fields.map((one): Node => ({ op: 'regex', field: one, pattern, flags }))
  return { selections: new Map(), condition: orOf(leaves) }
}

function defaultFields(report: Report, keys: Keys, kinds: readonly string[]): readonly string[] {
  const fields = kinds.flatMap((kind) => {
    const field = kindSpecs[kind]?.matchField
    if (field !== undefined) return [field]
    const note = 'add `field: …`'
    report.error('missing-key', `\`${kind}\` has no default field`, keys.at('pattern'), note)
    return []
  })
  return [...new Set(fields)]
}

/** The `severity` of a rule or an overlay; medium where none is named. */
export function parseSeverity(report: Report, keys: Keys): Severity {
  const text = keys.text('severity')
  const severity = severities.find((one) => one === text)
  if (text !== undefined && severity === undefined) {
    const note = didYouMean(text, severities) ?? `it is one of ${severities.join(', ')}`
    report.error(
      'severity',
      `\`${text}\` is not a severity`,
      keys.get('severity') ?? keys.at('severity'),
      note,
    )
  }
  return severity ?? 'medium'
}

function parseDay(report: Report, keys: Keys, name: string): void {
  const text = keys.text(name)
  if (text === undefined || /^\d{4}-\d{2}-\d{2}$/.test(text)) return
  report.error(
    'value-type',
    `\`${name}\` takes a date`,
    keys.get(name) ?? keys.at(name),
    'such as 2026-11-20',
  )
}
