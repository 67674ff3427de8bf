import { parseNetwork } from '../network.ts'
import { anyCharacter, type Node } from '../node.ts'
import { normalizeRegex, regexProblem } from '../regex.ts'
import { numberOf } from '../value.ts'
import { type EncodedText, encodings } from './encoding.ts'
import type { ItemShape } from './modifier.ts'
import { expandPlaceholders, type Placeholders } from './placeholder.ts'
import type { Report } from './report.ts'
import { orOf } from './tree.ts'
import { parseWildcards, type Segments, textLeaf, widened } from './wildcard.ts'
import { scalarValue, type YamlScalar } from './yaml.ts'

/** One value of `field|modifiers: value` as a node. Undefined when it makes none; `report` says why. */
export function parseItemValue(
  report: Report,
  shape: ItemShape,
  value: YamlScalar,
  placeholders: Placeholders,
): Node | undefined {
  if (!shape.isExpanded) return nodeOf(report, shape, value, value.text)
  const texts = expandPlaceholders(report, value, placeholders)
  if (texts === undefined) return undefined
  const nodes = texts.map((text) => nodeOf(report, shape, value, text))
  return nodes.every((node) => node !== undefined) ? orOf(nodes) : undefined
}

/** `text` is the value's text, or what its placeholders made of it. */
function nodeOf(
  report: Report,
  shape: ItemShape,
  value: YamlScalar,
  text: string,
): Node | undefined {
  const { field, type } = shape
  switch (type.kind) {
    case 'text':
      return textNode(report, shape, value, text)
    case 'regex':
      return regexNode(report, shape, value, text)
    case 'cidr':
      if (parseNetwork(text) === undefined) {
        const note = 'write it as 192.0.2.0/24 or 2001:db8::/32'
        report.error('network', `\`${text}\` is not a network`, value, note)
        return undefined
      }
      return { op: 'cidr', field, network: text }
    case 'exists': {
      const isThere = booleanOf(value)
      if (isThere !== undefined) {
        return isThere ? { op: 'present', field } : { op: 'not', node: { op: 'present', field } }
      }
      report.error('value-type', '`exists` takes true or false', value)
      return undefined
    }
    case 'fieldref':
      return { op: 'fieldref', field, other: text, how: shape.how, isCased: shape.isCased }
    case 'compare': {
      const bound = numberOf(text)
      if (!Number.isNaN(bound)) return { op: type.op, field, value: bound }
      report.error('value-type', `\`${type.op}\` takes a number`, value)
      return undefined
    }
    case 'timepart': {
      const wanted = numberOf(text)
      if (Number.isInteger(wanted)) return { op: 'timepart', field, part: type.part, value: wanted }
      report.error('value-type', `\`${type.part}\` takes a whole number`, value)
      return undefined
    }
  }
}

function textNode(
  report: Report,
  shape: ItemShape,
  value: YamlScalar,
  text: string,
): Node | undefined {
  const { field, isCased, how } = shape
  const meaning = scalarValue(value)
  const isBare = how === 'equals' && shape.encodings.length === 0 && field !== ''
  if (meaning === null) {
    if (isBare) return { op: 'null', field }
    report.error(
      'value-type',
      field === '' ? '`null` needs a field' : '`null` takes no modifier',
      value,
    )
    return undefined
  }
  if (isBare && typeof meaning === 'number') return { op: 'number', field, value: meaning }
  if (isBare && typeof meaning === 'boolean') return { op: 'boolean', field, value: meaning }
  if (text.includes(anyCharacter)) {
    report.error('value-type', 'the character U+FFFE cannot be matched', value)
    return undefined
  }
  let forms: readonly EncodedText[] = [{ segments: parseWildcards(text), bytes: 'utf8' }]
  for (const name of shape.encodings) {
    const results = forms.map((form) => encodings[name]?.(form) ?? [form])
    const next: EncodedText[] = []
    for (const result of results) {
      if ('problem' in result) {
        report.error('value-encoding', `this value ${result.problem}`, value)
        return undefined
      }
      next.push(...result)
    }
    forms = next
  }
  return orOf(forms.map(({ segments }) => textLeaf(field, shaped(segments, how), isCased)))
}

function shaped(segments: Segments, how: ItemShape['how']): Segments {
  return how === 'equals' ? segments : widened(segments, how)
}

function regexNode(
  report: Report,
  shape: ItemShape,
  value: YamlScalar,
  text: string,
): Node | undefined {
  const { pattern, flags } = normalizeRegex(text, shape.regexFlags)
  const problem = regexProblem(pattern, flags)
  if (problem !== undefined) {
    const note = 'patterns run in linear time: no look-around, no back-references'
    report.error('regex', problem, value, note)
    return undefined
  }
  const head = shape.how === 'startswith' ? '^' : ''
  const tail = shape.how === 'endswith' ? '$' : ''
  const anchored = head + tail === '' ? pattern : `${head}(?:${pattern})${tail}`
  return { op: 'regex', field: shape.field, pattern: anchored, flags }
}

function booleanOf(value: YamlScalar): boolean | undefined {
  if (/^(?:true|yes|on)$/i.test(value.text)) return true
  return /^(?:false|no|off)$/i.test(value.text) ? false : undefined
}
