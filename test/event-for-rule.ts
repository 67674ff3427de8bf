import { anyCharacter, type Glob, type Leaf, type Node, type TextOp } from '../rules/node.ts'
import { parseRegex, type RegexNode } from '../rules/regex-syntax.ts'
import type { Dice } from './dice.ts'

/**
 * Fields made to meet a condition, or to miss it narrowly. Alternatives are chosen by dice, negations
 * mostly left unmet, texts wrapped in more text and written in mixed case.
 */
export function fieldsFor(condition: Node, dice: Dice): Record<string, unknown> {
  const fields: Record<string, unknown> = {}
  meet(condition, fields, dice)
  return fields
}

function meet(node: Node, fields: Record<string, unknown>, dice: Dice): void {
  switch (node.op) {
    case 'and':
    case 'atleast':
      for (const child of node.nodes) if (!dice.once(40)) meet(child, fields, dice)
      return
    case 'or':
      meet(dice.pick(node.nodes), fields, dice)
      return
    case 'not':
      if (dice.once(6)) meet(node.node, fields, dice)
      return
    case 'constant':
      return
    default:
      meetLeaf(node, fields, dice)
  }
}

function meetLeaf(leaf: Leaf, fields: Record<string, unknown>, dice: Dice): void {
  switch (leaf.op) {
    case 'equals':
    case 'startswith':
    case 'endswith':
    case 'contains':
      put(fields, leaf.field, leaf.op, written(leaf.value, leaf.isCased, dice), dice)
      return
    case 'glob':
      put(fields, leaf.field, 'equals', globText(leaf.glob, dice), dice)
      return
    case 'keyword':
      put(fields, dice.pick(anyFields), 'contains', globText(leaf.glob, dice), dice)
      return
    case 'regex': {
      const field = leaf.field === '' ? dice.pick(anyFields) : leaf.field
      const tree = parseRegex(leaf.pattern, leaf.flags)
      if (tree === undefined) return
      const text = regexText(tree, dice)
      const isCased = !leaf.flags.includes('i')
      put(fields, field, 'contains', written(text, isCased, dice), dice)
      return
    }
    case 'number':
      fields[leaf.field] = dice.once(3) ? String(leaf.value) : leaf.value
      return
    case 'lt':
    case 'lte':
      fields[leaf.field] = leaf.value - dice.below(2)
      return
    case 'gt':
    case 'gte':
      fields[leaf.field] = leaf.value + dice.below(2)
      return
    case 'boolean':
      fields[leaf.field] = dice.once(2) ? leaf.value : String(leaf.value).toUpperCase()
      return
    case 'null':
      if (dice.once(2)) fields[leaf.field] = null
      return
    case 'present':
      fields[leaf.field] ??= 'v'
      return
    case 'cidr':
      fields[leaf.field] = leaf.network.split('/')[0]
      return
    case 'fieldref':
      fields[leaf.field] ??= 'same'
      fields[leaf.other] ??= fields[leaf.field]
      return
    case 'timepart':
      fields[leaf.field] = '2026-01-05T10:00:00Z'
  }
}

const anyFields = ['Message', 'Data', 'ScriptBlockText']

/** Beside what the field has already, where that can be. */
function put(
  fields: Record<string, unknown>,
  field: string,
  op: TextOp,
  text: string,
  dice: Dice,
): void {
  const before = typeof fields[field] === 'string' ? fields[field] : ''
  const filler = () => dice.pick(fillers).repeat(dice.below(3))
  const whole = {
    equals: text,
    startswith: text + filler() + before,
    endswith: before + filler() + text,
    contains: before + filler() + text + filler(),
  }[op]
  fields[field] = dice.once(12) ? [dice.pick(fillers), whole] : whole
}

const fillers = [
  '',
  ' ',
  'x',
  'yz ',
  '\\',
  '"',
  '/',
  'é',
  '😀',
  'C:\\Users\\',
  'abcdefg',
  '\n',
  '–',
]

/** As a log might write it: in some case, now and then with a letter that only looks the same. */
function written(text: string, isCased: boolean, dice: Dice): string {
  if (isCased && !dice.once(8)) return text
  switch (dice.below(6)) {
    case 0:
      return text.toUpperCase()
    case 1:
      return [...text].map((one) => (dice.once(2) ? one.toUpperCase() : one)).join('')
    case 2:
      return dice.once(3) ? text.replace(/k/gi, '\u212a') : text
    case 3:
      return dice.once(3) ? text.replace(/s/gi, '\u017f') : text
    case 4:
      return text.replace(/i$/i, '\u0130')
    default:
      return text
  }
}

function globText({ segments, isCased }: Glob, dice: Dice): string {
  const between = () => dice.pick(['', 'zz', '\n', ' '])
  const text = segments.map((segment) => segment.replaceAll(anyCharacter, 'q'))
  return written(
    text.reduce((whole, segment) => whole + between() + segment),
    isCased,
    dice,
  )
}

function regexText(node: RegexNode, dice: Dice): string {
  switch (node.kind) {
    case 'literal':
      return node.character
    case 'set':
      return characterOf(node.source, dice)
    case 'assertion':
      return ''
    case 'sequence':
      return node.nodes.map((child) => regexText(child, dice)).join('')
    case 'choice':
      return regexText(dice.pick(node.nodes), dice)
    case 'repeat': {
      const most = Math.min(node.max, node.min + 2)
      const count = node.min + dice.below(most - node.min + 1)
      return Array.from({ length: count }, () => regexText(node.node, dice)).join('')
    }
  }
}

const printable = Array.from({ length: 95 }, (_, index) => String.fromCharCode(32 + index))

function characterOf(source: string, dice: Dice): string {
  const set = new RegExp(source)
  const members = printable.filter((character) => set.test(character))
  return members.length === 0 ? '\n' : dice.pick(members)
}
