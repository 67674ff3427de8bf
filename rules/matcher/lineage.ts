import { revisionIdOf, revisionTerm } from '../language/naive-revision.ts'
import type { Rule } from '../rule.ts'
import { FieldNames } from './field-names.ts'
import type { IndexedField } from './indexed-field.ts'
import type { KeywordField } from './keyword-field.ts'
import { compilePredicate, type Predicate } from './predicate.ts'
import { guessedRate } from './rarity.ts'
import { SharedCache } from './shared-cache.ts'
import { type Witness, witnessOf } from './witness.ts'

/**
 * What revisions made from one another share: the numbers of fields, what was compiled of each
 * condition, and the indexes in use. So a revision with one edited rule costs little more than it.
 */
export class Lineage {
  readonly names = new FieldNames()
  readonly indexes = new SharedCache<IndexedField>()
  readonly keywords = new SharedCache<KeywordField>()
  #byRuleId = new Map<string, CompiledCondition>()
  /** The newest revision's, in its order. */
  #rules: readonly Rule[] = []
  #compiled: readonly CompiledCondition[] = []
  readonly #terms = new WeakMap<Rule, bigint>()
  #conditions = 0
  #choices = 0

  /** Numbers below this are in use, or were. */
  get numberLimit(): number {
    return this.#conditions
  }

  /** One for each rule, in order. What no rule needs any more is forgotten. */
  compile(rules: readonly Rule[]): readonly CompiledCondition[] {
    const edited = this.#editedPlaces(rules)
    this.#compiled = edited === null ? this.#compileAll(rules) : this.#compileAt(edited, rules)
    this.#rules = rules
    return this.#compiled
  }

  /** Where `rules` has other rules than the newest revision; null unless all else is the same, ids too. */
  #editedPlaces(rules: readonly Rule[]): readonly number[] | null {
    if (rules.length !== this.#rules.length) return null
    const places: number[] = []
    for (let place = 0; place < rules.length; place += 1) {
      if (rules[place] === this.#rules[place]) continue
      if (rules[place]?.id !== this.#rules[place]?.id) return null
      places.push(place)
    }
    return places
  }

  #compileAt(places: readonly number[], rules: readonly Rule[]): readonly CompiledCondition[] {
    const compiled = [...this.#compiled]
    for (const place of places) {
      const rule = rules[place]
      if (rule === undefined || compiled[place]?.isFor(rule) === true) continue
      compiled[place] = this.#next(rule)
      this.#byRuleId.set(rule.id, compiled[place])
    }
    return compiled
  }

  #compileAll(rules: readonly Rule[]): readonly CompiledCondition[] {
    const kept = new Map<string, CompiledCondition>()
    const conditions = rules.map((rule) => {
      const known = this.#byRuleId.get(rule.id)
      const isKnown = known?.isFor(rule) === true && !kept.has(rule.id)
      const condition = isKnown ? known : this.#next(rule)
      kept.set(rule.id, condition)
      return condition
    })
    this.#byRuleId = kept
    return conditions
  }

  /** As `revisionId`: only what is new is hashed. */
  revisionId(rules: readonly Rule[]): string {
    let sum = 0n
    for (const rule of rules) sum += this.#termOf(rule)
    return revisionIdOf(sum)
  }

  #termOf(rule: Rule): bigint {
    const known = this.#terms.get(rule)
    if (known !== undefined) return known
    const term = revisionTerm(rule)
    this.#terms.set(rule, term)
    return term
  }

  nextChoice(): number {
    this.#choices += 1
    return this.#choices
  }

  #next(rule: Rule): CompiledCondition {
    const number = this.#conditions
    this.#conditions += 1
    return new CompiledCondition(rule, number, this)
  }
}

/** A choice of witness for a condition. Its id is never used again for another. */
export interface Choice {
  readonly id: number
  readonly condition: CompiledCondition
  /** Null: evaluate always. */
  readonly witness: Witness | null
}

/** What is made of one rule's condition, on demand and once. */
export class CompiledCondition {
  readonly rule: Rule
  readonly number: number
  readonly #lineage: Lineage
  #guessed: Choice | undefined
  #predicate: Predicate | undefined

  constructor(rule: Rule, number: number, lineage: Lineage) {
    this.rule = rule
    this.number = number
    this.#lineage = lineage
  }

  /** Has `rule` this condition, and does it meet the same events? Equal logic has an equal hash. */
  isFor(rule: Rule): boolean {
    const { condition, kinds, logsource, logicHash } = this.rule
    if (rule.condition === condition && rule.kinds === kinds && rule.logsource === logsource) {
      return true
    }
    return logicHash !== '' && rule.logicHash === logicHash
  }

  /** The witness by guess, before anything is known of the stream. */
  get guessed(): Choice {
    this.#guessed ??= this.choose(witnessOf(this.rule.condition, guessedRate))
    return this.#guessed
  }

  choose(witness: Witness | null): Choice {
    return { id: this.#lineage.nextChoice(), condition: this, witness }
  }

  get predicate(): Predicate {
    this.#predicate ??= compilePredicate(this.rule.condition, this.#lineage.names)
    return this.#predicate
  }
}
