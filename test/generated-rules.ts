import fc from 'fast-check'
import { anyCharacter, type Glob, type Leaf, type Node } from '../rules/node.ts'
import type { Rule } from '../rules/rule.ts'
import type { Fields, LogSource, MatchEvent } from '../schemas/event.ts'
import type { Dice } from './dice.ts'
import { fieldsFor } from './event-for-rule.ts'
import { jsonText } from './json-text.ts'

/**
 * Rules and events made to meet: literals, fields and texts come from small sets that overlap, so
 * that a random rule has a fair chance to match a random event, and to miss it by one character.
 */

/** A rule of which nothing but its condition and routing matters. */
export function ruleOf(
  id: string,
  condition: Node,
  routing: { kinds?: readonly string[] | null; logsource?: LogSource } = {},
): Rule {
  return {
    id,
    language: 'sigma',
    name: id,
    description: '',
    version: '1~00000000',
    ruleHash: '',
    logicHash: '',
    severity: 'medium',
    kinds: routing.kinds ?? null,
    logsource: routing.logsource ?? {},
    condition,
    selections: new Map(),
    emits: [],
    evidenceFields: null,
    samples: [],
    file: `${id}.yaml`,
    line: 1,
  }
}

const pieces = [
  ...[
    'a',
    'b',
    'AB',
    'abc',
    'Power',
    'shell',
    '.exe',
    '\\',
    '/',
    '-enc',
    ' ',
    '"',
    "'",
    '&',
    'net ',
  ],
  ...['user', 'whoami', 'Windows', 'system32', '1', '42', '-7', '000', '1.5', 'true', 'null', '\n'],
  ...[
    'é',
    'ß',
    'Σ',
    'ς',
    'σ',
    'ſ',
    '\u212a',
    '\u0130',
    'i\u0307',
    '–',
    '😀',
    '👩‍💻',
    '\u0000',
    '`',
  ],
  ...['abcdefghijklmnopqrstuvwxyz0123456789', '10.0.0.1', '2001:db8::1', '2026-01-05T10:00:00Z'],
]
const piece = fc.constantFrom(...pieces)
const text = fc.array(piece, { maxLength: 5 }).map((all) => all.join(''))
const number = fc.constantFrom(0, 1, 42, -7, 1.5, 1e21, 1000, 4688)

const names = ['a', 'Image', 'b.c', 'b.d.e', 'b', 'constructor', 'x.y']
/** Enough of them that plans grow large. */
const rareNames = Array.from({ length: 16 }, (_, index) => `Field${index}`)
const field = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...names) },
  { weight: 4, arbitrary: fc.constantFrom(...rareNames) },
)

const scalar = fc.oneof(
  { weight: 6, arbitrary: text },
  { weight: 2, arbitrary: number },
  { weight: 1, arbitrary: fc.boolean() },
  { weight: 1, arbitrary: fc.constant(null) },
)
const value = fc.oneof(
  { weight: 6, arbitrary: scalar },
  { weight: 1, arbitrary: fc.array(scalar, { maxLength: 4 }) },
  { weight: 1, arbitrary: fc.array(fc.array(scalar, { maxLength: 2 }), { maxLength: 2 }) },
  { weight: 1, arbitrary: fc.record({ c: scalar, d: fc.record({ e: scalar }) }) },
  { weight: 1, arbitrary: fc.array(fc.record({ c: scalar, y: scalar }), { maxLength: 3 }) },
)

const product = fc.constantFrom(undefined, 'windows', 'linux')
const service = fc.constantFrom(undefined, 'sysmon', 'security')
const category = fc.constantFrom(undefined, 'process_creation', 'registry_event', 'registry_set')

export const logsource: fc.Arbitrary<LogSource> = fc
  .record({ product, service, category })
  .map(({ product: p, service: s, category: c }) => ({
    ...(p === undefined ? {} : { product: p }),
    ...(s === undefined ? {} : { service: s }),
    ...(c === undefined ? {} : { category: c }),
  }))

const kind = fc.constantFrom('process', 'command', 'registry_set')
const routing = fc.record({
  kinds: fc.oneof(
    { weight: 4, arbitrary: fc.constant(null) },
    { weight: 1, arbitrary: fc.uniqueArray(kind, { minLength: 1 }) },
  ),
  logsource,
})

const segment = fc
  .array(
    fc.oneof({ weight: 6, arbitrary: piece }, { weight: 1, arbitrary: fc.constant(anyCharacter) }),
    {
      maxLength: 3,
    },
  )
  .map((all) => all.join(''))

const glob: fc.Arbitrary<Glob> = fc
  .record({ segments: fc.array(segment, { minLength: 1, maxLength: 4 }), isCased: fc.boolean() })
  .map(({ segments, isCased }) => ({
    isCased,
    segments: isCased ? segments : segments.map((one) => one.toLowerCase()),
  }))

const textOp = fc.constantFrom('equals', 'startswith', 'endswith', 'contains')
const textLeaf: fc.Arbitrary<Leaf> = fc
  .record({ op: textOp, field, value: text, isCased: fc.constantFrom(false, false, false, true) })
  .map((leaf) => ({ ...leaf, value: leaf.isCased ? leaf.value : leaf.value.toLowerCase() }))

const patterns = [
  ...['abc', 'a.*b', 'net\\s+user', '(power|cmd)shell', '[Pp]ower', 'abc{2}', 'x?abc', '^a', 'b$'],
  ...[
    '\\.exe$',
    '(?:a|b){2,3}',
    'whoami|net user',
    '\\d+',
    's',
    'k',
    'K',
    'user\\b',
    '(abc)?',
    '.{3,}',
  ],
  ...['é', '\\x61b', '[\\\\/]system32', '😀', '"', '\\n'],
]
const regexLeaf: fc.Arbitrary<Leaf> = fc.record({
  op: fc.constant('regex' as const),
  field: fc.oneof({ weight: 9, arbitrary: field }, { weight: 1, arbitrary: fc.constant('') }),
  pattern: fc.constantFrom(...patterns),
  flags: fc.constantFrom('', 'i', 's', 'm', 'im'),
})

const keyword: fc.Arbitrary<Leaf> = fc
  .record({
    middle: fc.array(fc.constantFrom(...pieces.filter((one) => one !== '')), {
      minLength: 1,
      maxLength: 4,
    }),
    isCased: fc.constantFrom(false, false, true),
    hasStar: fc.constantFrom(false, false, true),
  })
  .map(({ middle, isCased, hasStar }) => {
    const whole = hasStar ? middle : [middle.join('')]
    const segments = ['', ...(isCased ? whole : whole.map((one) => one.toLowerCase())), '']
    return { op: 'keyword', glob: { segments, isCased } }
  })

const otherLeaf: fc.Arbitrary<Leaf> = fc.oneof(
  fc.record({ op: fc.constant('number' as const), field, value: number }),
  fc.record({ op: fc.constantFrom('lt', 'lte', 'gt', 'gte'), field, value: number }),
  fc.record({ op: fc.constant('boolean' as const), field, value: fc.boolean() }),
  fc.record({ op: fc.constantFrom('null', 'present'), field }),
  fc.record({
    op: fc.constant('cidr' as const),
    field,
    network: fc.constantFrom('10.0.0.0/8', '2001:db8::/32', '10.0.0.1'),
  }),
  fc.record({
    op: fc.constant('fieldref' as const),
    field,
    other: field,
    how: textOp,
    isCased: fc.boolean(),
  }),
  fc.record({
    op: fc.constant('timepart' as const),
    field,
    part: fc.constantFrom('hour', 'day', 'year'),
    value: fc.constantFrom(10, 5, 2026),
  }),
)

const globLeaf: fc.Arbitrary<Leaf> = fc.record({ op: fc.constant('glob' as const), field, glob })

/** Many alternatives on one field, as real rules have. */
const wideOr: fc.Arbitrary<Node> = fc
  .record({
    op: fc.constantFrom('equals', 'contains', 'endswith'),
    field,
    values: fc.array(text, { minLength: 2, maxLength: 14 }),
  })
  .map(({ op, field: name, values }) => ({
    op: 'or' as const,
    nodes: values.map(
      (one): Leaf => ({ op, field: name, value: one.toLowerCase(), isCased: false }),
    ),
  }))

const leaf: fc.Arbitrary<Node> = fc.oneof(
  { weight: 8, arbitrary: textLeaf },
  { weight: 2, arbitrary: globLeaf },
  { weight: 2, arbitrary: regexLeaf },
  { weight: 2, arbitrary: keyword },
  { weight: 4, arbitrary: otherLeaf },
  { weight: 2, arbitrary: wideOr },
  {
    weight: 1,
    arbitrary: fc.record({ op: fc.constant('constant' as const), value: fc.boolean() }),
  },
)

export const condition: fc.Arbitrary<Node> = fc.letrec<{ node: Node }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    leaf,
    fc.record({
      op: fc.constantFrom('and', 'or'),
      nodes: fc.array(tie('node'), { minLength: 1, maxLength: 4 }),
    }),
    fc.record({ op: fc.constant('not' as const), node: tie('node') }),
    fc.record({
      op: fc.constant('atleast' as const),
      count: fc.integer({ min: 0, max: 4 }),
      nodes: fc.array(tie('node'), { minLength: 1, maxLength: 4 }),
    }),
  ),
})).node

export const rules: fc.Arbitrary<Rule[]> = fc
  .array(fc.tuple(condition, routing), { minLength: 1, maxLength: 40, size: 'max' })
  .map((all) => all.map(([node, where], index) => ruleOf(`rule-${index}`, node, where)))

const fields: fc.Arbitrary<Fields> = fc.dictionary(field, value, { maxKeys: 5 })

/** An event that no rule was asked about. */
export const event: fc.Arbitrary<MatchEvent> = fc.record({ kind, logsource, fields })

/** An event for one of `rules`, with its JSON in some producer's hand, or without. */
export function eventFor(rules: readonly Rule[], base: MatchEvent, dice: Dice): MatchEvent {
  const { condition: wanted, kinds, logsource: source } = dice.pick(rules)
  const met = dice.once(4) ? base.fields : { ...base.fields, ...fieldsFor(wanted, dice) }
  const all = Object.entries(met).filter(() => !dice.once(30))
  const isRouted = !dice.once(5)
  const one: MatchEvent = {
    kind: isRouted ? (kinds?.[0] ?? base.kind) : base.kind,
    logsource: isRouted ? source : base.logsource,
    fields: Object.fromEntries(all),
  }
  return dice.once(4) ? one : { ...one, json: Buffer.from(jsonText(one.fields, dice)) }
}
