import type { Node } from '../node.ts'
import type { Emit, Rule, Severity } from '../rule.ts'
import type { RuleDocument } from './collection.ts'
import type { RuleContext } from './context.ts'
import { parseDetection } from './detection.ts'
import { isNamed } from './filter.ts'
import { Keys } from './keys.ts'
import { declaredVersion, logicHash, versionText } from './logic-hash.ts'
import { parseSeverity } from './native.ts'
import { parseNativeEmits } from './native-emit.ts'
import type { Report } from './report.ts'
import { andOf } from './tree.ts'

/**
 * What a site changes about rules that others maintain (R9): kept in a file of its own, so that an
 * update of their files does not undo it. The tags of a changed rule have a version of their own.
 */
export interface Overlay {
  readonly id: string
  /** Ids or Sigma names of rules. */
  readonly rules: readonly string[]
  readonly isEnabled: boolean
  readonly isShadow: boolean
  readonly severity?: Severity
  /** Of every emit. */
  readonly confidence?: number
  /** Instead of the rule's. */
  readonly emits?: readonly Emit[]
  /** Joined to the rule's by `and`. */
  readonly condition?: Node
  readonly file: string
  readonly line: number
}

export const overlayKeys = [
  'overlay',
  'rules',
  'reason',
  'enabled',
  'shadow',
  'severity',
  'confidence',
  'emits',
  'match',
] as const

/** Undefined when it has errors; `report` has all of them. */
export function parseOverlay(
  report: Report,
  document: RuleDocument,
  context: RuleContext,
): Overlay | undefined {
  const errorsBefore = report.errorCount
  const keys = new Keys(report, document.map, 'an overlay')
  keys.rejectUnknown(overlayKeys)
  const id = keys.text('overlay')
  if (id === undefined) report.error('missing-key', '`overlay` is its id', keys.at('overlay'))
  const rules = keys.texts('rules').map((scalar) => scalar.text.trim())
  if (keys.require('rules') !== undefined && rules.length === 0) {
    report.error('missing-key', '`rules` names at least one rule', keys.at('rules'))
  }
  keys.text('reason')
  const confidence = parseConfidence(report, keys)
  const match = keys.map('match')
  const options = { placeholders: context.placeholders, reserved: [] }
  const detection = match === undefined ? undefined : parseDetection(report, match, options)
  const emits = parseEmits(report, keys, context)
  const severity = keys.get('severity') === undefined ? undefined : parseSeverity(report, keys)
  const isEnabled = keys.flag('enabled', true)
  const isShadow = keys.flag('shadow', false)
  if (id === undefined || report.errorCount > errorsBefore) return undefined
  return {
    id,
    rules,
    isEnabled,
    isShadow,
    ...(severity === undefined ? {} : { severity }),
    ...(confidence === undefined ? {} : { confidence }),
    ...(emits === undefined ? {} : { emits }),
    ...(detection === undefined ? {} : { condition: detection.condition }),
    file: report.file,
    line: report.line(document.map.start),
  }
}

/** The rule with every overlay that names it, in the order of files; [] when one of them disables it. */
export function overlaid(rule: Rule, overlays: readonly Overlay[]): readonly Rule[] {
  const own = overlays.filter((overlay) => overlay.rules.some((name) => isNamed(rule, name)))
  if (own.length === 0) return [rule]
  if (own.some((overlay) => !overlay.isEnabled)) return []
  let { severity, emits, condition } = rule
  for (const overlay of own) {
    severity = overlay.severity ?? severity
    emits = overlay.emits ?? emits
    const { confidence } = overlay
    if (confidence !== undefined) emits = emits.map((emit) => ({ ...emit, confidence }))
    if (overlay.condition !== undefined) condition = andOf([condition, overlay.condition])
  }
  const hash = logicHash({ ...rule, emits, condition })
  const version = versionText(declaredVersion(rule.version), hash)
  const isShadow = rule.isShadow === true || own.some((overlay) => overlay.isShadow)
  const shadow = isShadow ? { isShadow } : {}
  return [{ ...rule, severity, emits, condition, ...shadow, logicHash: hash, version }]
}

function parseConfidence(report: Report, keys: Keys): number | undefined {
  const value = keys.number('confidence')
  if (value === undefined || (value >= 0 && value <= 1)) return value
  const at = keys.get('confidence') ?? keys.at('confidence')
  report.error('confidence-range', '`confidence` lies between 0 and 1', at)
  return undefined
}

function parseEmits(report: Report, keys: Keys, context: RuleContext): readonly Emit[] | undefined {
  if (keys.get('emits') === undefined) return undefined
  return parseNativeEmits(report, keys.items('emits'), keys.at('emits'), {
    attack: context.attack,
    selections: new Set(),
    checkField: () => {},
  })
}
