import type { CompareOp, TimePart } from '../node.ts'
import { encodings } from './encoding.ts'
import type { Report, Span } from './report.ts'
import { didYouMean } from './suggest.ts'
import type { YamlScalar } from './yaml.ts'

/** What the modifiers of a key (`Field|contains|all`) ask for. */
export interface ItemShape {
  /** '' for keywords. */
  readonly field: string
  readonly type: ItemType
  readonly how: 'equals' | 'startswith' | 'endswith' | 'contains'
  /** Names in `encodings`, in the order in which they apply. */
  readonly encodings: readonly string[]
  readonly isExpanded: boolean
  readonly isCased: boolean
  readonly isAll: boolean
  readonly isNegated: boolean
  /** Of a regex: i, m, s. */
  readonly regexFlags: string
}

export type ItemType =
  | { readonly kind: 'text' | 'regex' | 'cidr' | 'exists' | 'fieldref' }
  | { readonly kind: 'compare'; readonly op: CompareOp }
  | { readonly kind: 'timepart'; readonly part: TimePart }

interface Modifier {
  readonly group: 'how' | 'encoding' | 'type' | 'flag' | 'any'
  readonly doc: string
  readonly type?: ItemType
  readonly flag?: string
}

const timeParts = ['minute', 'hour', 'day', 'week', 'month', 'year'] as const

/** Every modifier, once: parsing, suggestions and the reference are made from this. */
export const modifiers: Readonly<Record<string, Modifier>> = {
  contains: { group: 'how', doc: 'the value stands anywhere in the field' },
  startswith: { group: 'how', doc: 'the field begins with the value' },
  endswith: { group: 'how', doc: 'the field ends with the value' },
  all: { group: 'any', doc: 'every value of the list must match, not just one' },
  neq: { group: 'any', doc: 'the field is none of the values' },
  cased: { group: 'any', doc: 'upper and lower case differ' },
  expand: { group: 'any', doc: '`%name%` stands for the values configured under that name' },
  re: { group: 'type', doc: 'a regular expression, searched', type: { kind: 'regex' } },
  i: { group: 'flag', doc: 'of re: upper and lower case are the same', flag: 'i' },
  m: { group: 'flag', doc: 'of re: `^` and `$` match at every line', flag: 'm' },
  s: { group: 'flag', doc: 'of re: `.` matches newlines', flag: 's' },
  ignorecase: { group: 'flag', doc: 'the same as i', flag: 'i' },
  multiline: { group: 'flag', doc: 'the same as m', flag: 'm' },
  dotall: { group: 'flag', doc: 'the same as s', flag: 's' },
  cidr: { group: 'type', doc: 'an address inside the network', type: { kind: 'cidr' } },
  exists: { group: 'type', doc: 'the field is there, or not', type: { kind: 'exists' } },
  fieldref: { group: 'type', doc: 'the value names another field', type: { kind: 'fieldref' } },
  lt: { group: 'type', doc: 'less than', type: { kind: 'compare', op: 'lt' } },
  lte: { group: 'type', doc: 'less or equal', type: { kind: 'compare', op: 'lte' } },
  gt: { group: 'type', doc: 'greater than', type: { kind: 'compare', op: 'gt' } },
  gte: { group: 'type', doc: 'greater or equal', type: { kind: 'compare', op: 'gte' } },
  wide: { group: 'encoding', doc: 'as UTF-16LE' },
  utf16le: { group: 'encoding', doc: 'as UTF-16LE' },
  utf16be: { group: 'encoding', doc: 'as UTF-16BE' },
  utf16: { group: 'encoding', doc: 'as UTF-16LE after a byte order mark' },
  base64: { group: 'encoding', doc: 'as base64' },
  base64offset: { group: 'encoding', doc: 'as base64, at each of its three alignments' },
  windash: { group: 'encoding', doc: 'with any of - / – — ― before a word' },
  ...Object.fromEntries(
    timeParts.map((part): [string, Modifier] => [
      part,
      { group: 'type', doc: `the ${part} of a time, UTC`, type: { kind: 'timepart', part } },
    ]),
  ),
}

/** Groups and names that may stand beside a type. */
const allowedBeside: Readonly<Record<ItemType['kind'], readonly string[]>> = {
  text: ['how', 'encoding', 'all', 'neq', 'cased', 'expand'],
  regex: ['flag', 'how', 'all', 'neq', 'expand'],
  cidr: ['all', 'neq', 'expand'],
  exists: [],
  fieldref: ['how', 'all', 'neq', 'cased'],
  compare: ['all', 'neq'],
  timepart: ['all', 'neq'],
}

/** A key of a selection. Undefined when its modifiers make no sense; `report` says why. */
export function parseItemKey(report: Report, key: YamlScalar): ItemShape | undefined {
  const [field = '', ...names] = key.text.split('|')
  const known = names.map((name) => modifiers[name])
  const unknown = names.find((_, index) => known[index] === undefined)
  if (unknown !== undefined) {
    const note = didYouMean(unknown, Object.keys(modifiers))
    report.error('unknown-modifier', `\`${unknown}\` is not a modifier`, partOf(key, unknown), note)
    return undefined
  }
  const types = names.filter((name) => modifiers[name]?.group === 'type')
  const hows = names.filter((name) => modifiers[name]?.group === 'how')
  const type: ItemType = modifiers[types[0] ?? '']?.type ?? { kind: 'text' }
  for (const group of [types, hows]) {
    const second = group[1]
    if (second === undefined) continue
    const message = `\`${group[0]}\` and \`${second}\` cannot both apply`
    report.error('modifier-conflict', message, partOf(key, second), 'use two selections')
    return undefined
  }
  const misplaced = names.find((name) => {
    const group = modifiers[name]?.group ?? 'any'
    return (
      group !== 'type' && !allowedBeside[type.kind].some((one) => one === group || one === name)
    )
  })
  if (misplaced !== undefined) {
    const beside = types[0] === undefined ? 'plain text' : `\`${types[0]}\``
    const message = `\`${misplaced}\` does not apply to ${beside}`
    report.error('modifier-conflict', message, partOf(key, misplaced))
    return undefined
  }
  return {
    field,
    type,
    how: hows[0] === 'startswith' || hows[0] === 'endswith' ? hows[0] : contains(hows),
    encodings: names.filter((name) => Object.hasOwn(encodings, name)),
    isExpanded: names.includes('expand'),
    isCased: names.includes('cased'),
    isAll: names.includes('all'),
    isNegated: names.includes('neq'),
    regexFlags: known.map((modifier) => modifier?.flag ?? '').join(''),
  }
}

function contains(hows: readonly string[]): 'contains' | 'equals' {
  return hows[0] === 'contains' ? 'contains' : 'equals'
}

/** Where a modifier stands in its key. */
function partOf(key: YamlScalar, name: string): Span {
  const at = key.text.indexOf(`|${name}`)
  if (at === -1 || key.end - key.start !== key.text.length) return key
  return { start: key.start + at + 1, end: key.start + at + 1 + name.length }
}
