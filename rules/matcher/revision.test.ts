import { expect, test } from 'vitest'
import type { Fields, MatchEvent } from '../../schemas/event.ts'
import type { Leaf, Node } from '../node.ts'
import type { Rule } from '../rule.ts'
import { type CompileOptions, compileRevision } from './revision.ts'

function rule(id: string, condition: Node, kinds: readonly string[] | null = null): Rule {
  return {
    id,
    language: kinds === null ? 'sigma' : 'native',
    name: id,
    description: '',
    version: '1~00000000',
    ruleHash: `text of ${id}`,
    logicHash: '',
    severity: 'low',
    kinds,
    logsource: {},
    condition,
    selections: new Map(),
    emits: [],
    evidenceFields: null,
    samples: [],
    file: 'rules.yaml',
    line: 1,
  }
}

function contains(field: string, value: string): Leaf {
  return { op: 'contains', field, value, isCased: false }
}

function event(fields: Fields, more: Partial<MatchEvent> = {}): MatchEvent {
  return { kind: 'command', logsource: {}, fields, ...more }
}

function ids(rules: readonly Rule[]): string[] {
  return rules.map(({ id }) => id)
}

/** A revision and a function from events to the ids that match. */
function compiled(rules: readonly Rule[], options: CompileOptions = {}) {
  const revision = compileRevision(rules, options)
  return { revision, match: (one: MatchEvent) => ids(revision.match(one)) }
}

test('matches come in the order of the rules, whatever is found first', () => {
  const { match } = compiled([
    rule('c', contains('z', 'three')),
    rule('a', contains('y', 'two')),
    rule('b', { op: 'null', field: 'missing' }),
  ])
  expect(match(event({ y: 'two', z: 'three' }))).toEqual(['c', 'a', 'b'])
  expect(match(event({}))).toEqual(['b'])
})

test('equal sets have equal ids, and another text another', () => {
  const one = rule('a', contains('x', 'y'))
  const two = rule('b', contains('x', 'y'))
  const id = compileRevision([one, two]).id
  expect(compileRevision([two, one]).id).toBe(id)
  expect(compileRevision([one, { ...two, ruleHash: 'edited' }]).id).not.toBe(id)
})

test('a rule that throws is counted, and loses no other match', () => {
  const { revision, match } = compiled([
    rule('bad', { op: 'regex', field: 'x', pattern: '(?=y)', flags: '' }),
    rule('good', contains('x', 'y')),
  ])
  expect(match(event({ x: 'xyz' }))).toEqual(['good'])
  expect(match(event({ x: 'xyz' }))).toEqual(['good'])
  const [bad, good] = revision.counters()
  expect(bad?.counters).toMatchObject({ candidatesTotal: 2, hitsTotal: 0, errorsTotal: 2 })
  expect(bad?.counters.firstError).toContain('(?=')
  expect(good?.counters).toMatchObject({ candidatesTotal: 2, hitsTotal: 2, errorsTotal: 0 })
})

test('counters tell events met, evaluations and hits apart', () => {
  const { revision, match } = compiled([
    rule('rare', { op: 'and', nodes: [contains('x', 'needle'), contains('x', 'thread')] }),
    rule('other kind', contains('x', 'needle'), ['email']),
  ])
  for (const x of ['hay', 'needle', 'needle and thread', 'hay']) match(event({ x }))
  const [rare, other] = revision.counters()
  expect(rare?.counters).toMatchObject({ eventsTotal: 4, hitsTotal: 1 })
  expect(rare?.counters.candidatesTotal).toBeLessThanOrEqual(2)
  expect(other?.counters).toMatchObject({ eventsTotal: 0, candidatesTotal: 0, hitsTotal: 0 })
  expect(revision.totals()).toMatchObject({ eventsTotal: 4, hitsTotal: 1, plans: 1 })
})

test('some evaluations are timed, when there is a clock to time them by', () => {
  let now = 0
  const timer = () => {
    now += 2
    return now
  }
  const { revision, match } = compiled([rule('a', contains('x', 'needle'))], { timer })
  for (let index = 0; index < 2000; index += 1) match(event({ x: 'a needle' }))
  const [only] = revision.counters()
  expect(only?.counters.timedTotal).toBeGreaterThan(0)
  expect(only?.counters.timedMs).toBe(2 * (only?.counters.timedTotal ?? 0))
})

test('an over-long text is matched on its beginning, an array on as much text, and counted', () => {
  const { revision, match } = compiled([rule('a', contains('x', 'needle'))], { fieldBytesMax: 100 })
  const far = `${'.'.repeat(100)}needle`
  expect(match(event({ x: `${'.'.repeat(94)}needle${'.'.repeat(50)}` }))).toEqual(['a'])
  expect(match(event({ x: far }))).toEqual([])
  expect(match(event({ x: ['.'.repeat(50), `${'.'.repeat(44)}needle`] }))).toEqual(['a'])
  expect(match(event({ x: ['.'.repeat(50), `${'.'.repeat(45)}needle`] }))).toEqual([])
  expect(match(event({ x: [...new Array(5).fill(0), 'needle'] }))).toEqual(['a'])
  expect(match(event({ x: [...new Array(6).fill(0), 'needle'] }))).toEqual([])
  expect(revision.totals().cutValuesTotal).toBe(4)
})

test('keywords are searched in a bounded part of each value, and of the event', () => {
  const keyword: Leaf = { op: 'keyword', glob: { segments: ['', 'needle', ''], isCased: false } }
  const { match } = compiled([rule('a', keyword)], { fieldBytesMax: 100 })
  const filled = (count: number): Fields =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`f${index}`, '.'.repeat(99)]))
  expect(match(event({ x: `${'.'.repeat(94)}needle` }))).toEqual(['a'])
  expect(match(event({ x: `${'.'.repeat(95)}needle` }))).toEqual([])
  expect(match(event({ ...filled(3), x: 'needle' }))).toEqual(['a'])
  expect(match(event({ ...filled(4), x: 'needle' }))).toEqual([])
})

test('a keyword is found in JSON, in derived fields, and without JSON', () => {
  const keyword: Leaf = { op: 'keyword', glob: { segments: ['', 'net user', ''], isCased: false } }
  const { match } = compiled([rule('a', keyword)])
  const json = (fields: Fields) => Buffer.from(JSON.stringify(fields))
  const plain = { args: ['x', 'NET USER y'] }
  expect(match(event(plain, { json: json(plain) }))).toEqual(['a'])
  expect(match(event(plain))).toEqual(['a'])
  const joined = { args: ['net', 'user'], line: 'net user' }
  const raw = json({ args: joined.args })
  expect(match(event(joined, { json: raw, derived: ['line'] }))).toEqual(['a'])
  expect(match(event({ ...joined, shell_commands: ['net user'] }, { json: raw }))).toEqual(['a'])
})

test('a revision made from another finds what one made anew finds', () => {
  const set = Array.from({ length: 40 }, (_, index) =>
    rule(`rule-${index}`, contains('x', `literal-${index}-`)),
  )
  const texts = set.map((_, index) => event({ x: `a literal-${index}- and literal-${index + 1}-` }))
  let previous = compileRevision(set)
  for (let round = 0; round < 30; round += 1) {
    const edited = round % set.length
    set[edited] = rule(`rule-${edited}`, contains('x', `literal-${(edited * 7) % 40}-`))
    if (round % 5 === 4) set.splice(round % 7, 1)
    if (round % 7 === 6) set.unshift(rule(`new-${round}`, contains('x', 'literal-1')))
    const next = compileRevision([...set], { previous })
    const fresh = compileRevision([...set])
    expect(next.id).toBe(fresh.id)
    for (const one of texts) {
      expect(ids(next.match(one))).toEqual(ids(fresh.match(one)))
      // The older one is still in use, and still itself.
      previous.match(one)
    }
    previous = next
  }
})

test('a rule with the same logic keeps what was compiled, and is answered with its new self', () => {
  const one = { ...rule('a', contains('x', 'needle')), logicHash: 'same' }
  const renamed = { ...rule('a', contains('x', 'needle')), logicHash: 'same', name: 'new name' }
  const first = compileRevision([one])
  first.match(event({ x: 'needle' }))
  const second = compileRevision([renamed], { previous: first })
  expect(second.match(event({ x: 'needle' }))[0]?.name).toBe('new name')
})

test('two rules of one id and logic are both found', () => {
  const twin = { ...rule('a', contains('x', 'needle')), logicHash: 'same' }
  const first = compileRevision([twin])
  expect(
    ids(compileRevision([twin, { ...twin }], { previous: first }).match(event({ x: 'needle' }))),
  ).toEqual(['a', 'a'])
})

test('however many kinds producers make up, each event meets the rules of its own', () => {
  const { revision, match } = compiled([
    rule('all', contains('x', 'needle')),
    rule('one', contains('x', 'needle'), ['kind-7', 'kind-2999']),
  ])
  for (let index = 0; index < 3000; index += 1) {
    const wanted = index === 7 || index === 2999 ? ['all', 'one'] : ['all']
    expect(match(event({ x: 'needle' }, { kind: `kind-${index}` }))).toEqual(wanted)
  }
  expect(revision.totals().plans).toBeLessThanOrEqual(3)
})

test('witnesses are learned from the stream: fewer evaluations, the same answers', () => {
  const both = (first: Leaf, second: Leaf): Node => ({ op: 'and', nodes: [first, second] })
  // By its length the first literal looks rare; this stream is full of it.
  const set = [rule('a', both(contains('x', 'a literal in every event'), contains('y', 'rare')))]
  const { revision, match } = compiled(set)
  const candidates = () => revision.totals().candidatesTotal
  for (let index = 0; index < 15_000; index += 1) {
    const y = index % 1000 === 0 ? 'rare' : `common ${index}`
    const wanted = y === 'rare' ? ['a'] : []
    expect(match(event({ x: 'has a literal in every event of it', y }))).toEqual(wanted)
  }
  const learned = candidates()
  for (let index = 0; index < 1000; index += 1) {
    match(event({ x: 'has a literal in every event of it', y: 'common' }))
  }
  expect(learned).toBeGreaterThan(2000)
  expect(candidates() - learned).toBe(0)
  const next = compileRevision([...set, rule('b', contains('y', 'other'))], { previous: revision })
  next.match(event({ x: 'has a literal in every event of it', y: 'common' }))
  expect(next.totals().candidatesTotal).toBe(0)
})

test('kinds that met the same rules are told apart by a rule that is new', () => {
  const set = [rule('all', contains('x', 'needle'))]
  const first = compileRevision(set)
  const one = event({ x: 'needle' }, { kind: 'one' })
  const two = event({ x: 'needle' }, { kind: 'two' })
  first.match(one)
  first.match(two)
  const second = compileRevision([...set, rule('two', contains('x', 'needle'), ['two'])], {
    previous: first,
  })
  expect(ids(second.match(one))).toEqual(['all'])
  expect(ids(second.match(two))).toEqual(['all', 'two'])
})
