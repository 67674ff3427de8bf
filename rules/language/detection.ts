import type { Node } from '../node.ts'
import { parseCondition } from './condition.ts'
import { parseItemValue } from './item.ts'
import { parseItemKey } from './modifier.ts'
import type { Placeholders } from './placeholder.ts'
import type { Report, Span } from './report.ts'
import { andOf, notOf, orOf } from './tree.ts'
import type { YamlEntry, YamlMap, YamlNode, YamlScalar } from './yaml.ts'

/** A Sigma detection block, of a Sigma rule, a filter or a native rule's `match`. */
export interface Detection {
  readonly selections: ReadonlyMap<string, Node>
  readonly condition: Node
}

export interface DetectionOptions {
  readonly placeholders: Placeholders
  /** Keys that are no selections, besides `condition`. */
  readonly reserved: readonly string[]
  /** Selections that something outside the condition uses. */
  readonly usedElsewhere?: ReadonlySet<string>
  /** Is told every field and where it is named. */
  readonly checkField?: (field: string, at: Span) => void
}

/** Undefined when it cannot be compiled; `report` has every reason. */
export function parseDetection(
  report: Report,
  map: YamlMap,
  options: DetectionOptions,
): Detection | undefined {
  const errorsBefore = report.errorCount
  const selections = new Map<string, Node>()
  const keys = new Map<string, YamlScalar>()
  let condition: YamlEntry | undefined
  for (const entry of map.entries) {
    const name = entry.key.text
    if (name === 'condition') condition = entry
    if (name === 'condition' || options.reserved.includes(name)) continue
    keys.set(name, entry.key)
    const node = parseSelection(report, entry.value, entry.key, options)
    // A broken selection keeps its name, so that the condition is not blamed for it.
    selections.set(name, node ?? { op: 'constant', value: false })
  }
  if (condition === undefined) {
    report.error('missing-condition', 'there is no `condition`', map, 'add `condition: …`')
    return undefined
  }
  const parsed = conditionsOf(report, condition).map((scalar) =>
    parseCondition(report, scalar, selections),
  )
  if (report.errorCount > errorsBefore) return undefined
  const nodes = parsed.flatMap((one) => (one === undefined ? [] : [one.node]))
  for (const [name, key] of keys) {
    const isUsed = parsed.some((one) => one?.used.has(name)) || options.usedElsewhere?.has(name)
    if (isUsed !== true) {
      report.warn('unused-selection', `the condition does not use \`${name}\``, key)
    }
  }
  return nodes.length === 0 ? undefined : { selections, condition: orOf(nodes) }
}

/** One condition, or a list of them that are joined by `or`. */
function conditionsOf(report: Report, { key, value }: YamlEntry): readonly YamlScalar[] {
  const items = value.kind === 'list' ? value.items : [value]
  const scalars = items.filter((item) => item.kind === 'scalar')
  if (scalars.length === 0 || scalars.length < items.length) {
    report.error('value-type', '`condition` takes text or a list of texts', key)
  }
  return scalars
}

function parseSelection(
  report: Report,
  node: YamlNode,
  key: YamlScalar,
  options: DetectionOptions,
): Node | undefined {
  switch (node.kind) {
    case 'map':
      return parseFields(report, node, key, options)
    case 'scalar':
      return parseItem(report, keywordKey(node), node, options)
    case 'list': {
      if (node.items.length === 0) {
        report.error('empty-selection', `\`${key.text}\` is empty`, key)
        return undefined
      }
      const nodes = node.items.map((item) => parseSelection(report, item, key, options))
      return nodes.every((one) => one !== undefined) ? orOf(nodes) : undefined
    }
  }
}

function parseFields(
  report: Report,
  map: YamlMap,
  key: YamlScalar,
  options: DetectionOptions,
): Node | undefined {
  if (map.entries.length === 0) {
    report.error('empty-selection', `\`${key.text}\` is empty`, key)
    return undefined
  }
  const nodes = map.entries.map((entry) => parseItem(report, entry.key, entry.value, options))
  return nodes.every((node) => node !== undefined) ? andOf(nodes) : undefined
}

function parseItem(
  report: Report,
  key: YamlScalar,
  value: YamlNode,
  options: DetectionOptions,
): Node | undefined {
  const shape = parseItemKey(report, key)
  if (shape === undefined) return undefined
  if (shape.field !== '') options.checkField?.(shape.field, headOf(key, shape.field))
  if (shape.field === '' && shape.type.kind !== 'text' && shape.type.kind !== 'regex') {
    report.error('modifier-conflict', 'this modifier needs a field before it', key)
    return undefined
  }
  const values = value.kind === 'list' ? value.items : [value]
  if (values.length === 0) {
    if (shape.field !== '') return { op: 'null', field: shape.field }
    report.error('empty-selection', 'a search for keywords needs some', key)
    return undefined
  }
  const nodes: Node[] = []
  for (const one of values) {
    if (one.kind !== 'scalar') {
      report.error('value-type', `\`${key.text}\` takes a value or a list of values`, one)
      continue
    }
    const node = parseItemValue(report, shape, one, options.placeholders)
    if (node !== undefined) nodes.push(node)
  }
  if (nodes.length < values.length) return undefined
  if (shape.type.kind === 'fieldref') {
    for (const one of values) {
      if (one.kind === 'scalar') options.checkField?.(one.text, one)
    }
  }
  const joined = shape.isAll ? andOf(nodes) : orOf(nodes)
  return shape.isNegated ? notOf(joined) : joined
}

/** The key of a plain keyword: no field, no modifiers, at the keyword's own place. */
function keywordKey(value: YamlScalar): YamlScalar {
  return { kind: 'scalar', text: '', isPlain: false, start: value.start, end: value.end }
}

function headOf(key: YamlScalar, field: string): Span {
  return { start: key.start, end: key.start + field.length }
}
