import type { Fields, MatchEvent } from '../../schemas/event.ts'
import { httpFields, shellFields, urlFields } from '../../schemas/kind.ts'
import { fieldValue } from '../field.ts'
import { someScalarWithin, textOf } from '../value.ts'
import type { EventValues } from './event-values.ts'
import type { IdSet } from './id-set.ts'
import type { Waiting } from './indexed-field.ts'
import { KeywordField } from './keyword-field.ts'
import { hidesAscii } from './keyword-scan.ts'
import type { Choice, CompiledCondition, Lineage } from './lineage.ts'
import { PlannedField } from './planned-field.ts'

/** With no more fields than this, the event is asked for each; with more, its own are gone through. */
const askedFieldsMax = 12

/**
 * A set of rules, indexed by what an event must show for each to be worth evaluating.
 *
 * Contract: `gather` adds every rule that matches the event, and may add more. That holds for
 * whatever witness was chosen for each rule.
 */
export class Plan {
  readonly conditions: readonly CompiledCondition[]
  readonly choices: ReadonlyMap<CompiledCondition, Choice>
  /** Numbers of the rules that no index can leave out. */
  readonly always: readonly number[]
  readonly #fields = new Map<string, PlannedField>()
  /** Names with dots, by the field that their path begins with. */
  readonly #paths = new Map<string, PlannedField[]>()
  readonly #keywords: KeywordField | null
  readonly #asked: readonly PlannedField[] | null

  /** `choices`: witnesses learned from the stream, for the conditions that have one. */
  constructor(
    conditions: readonly CompiledCondition[],
    choices: ReadonlyMap<CompiledCondition, Choice>,
    lineage: Lineage,
  ) {
    this.conditions = conditions
    this.choices = choices
    const always: number[] = []
    const keywords: Waiting<string>[] = []
    const keywordChoices: number[] = []
    for (const condition of conditions) {
      const { id, witness } = choices.get(condition) ?? condition.guessed
      if (witness === null) always.push(condition.number)
      for (const atom of witness?.atoms ?? []) {
        if (atom.op === 'keyword') {
          keywords.push({ atom: atom.literal, rule: condition.number })
          if (keywordChoices.at(-1) !== id) keywordChoices.push(id)
        } else {
          this.#fieldOf(atom.field, lineage).add(atom, condition.number, id)
        }
      }
    }
    this.always = always
    this.#keywords =
      keywords.length === 0
        ? null
        : lineage.keywords.get(keywordChoices.join(), () => new KeywordField(keywords))
    this.#asked = this.#fields.size <= askedFieldsMax ? [...this.#fields.values()] : null
  }

  get fields(): Iterable<PlannedField> {
    return this.#fields.values()
  }

  /** Did some event have this field? */
  isIndexed(field: string): boolean {
    return this.#fields.get(field)?.isIndexed === true
  }

  gather(event: MatchEvent, values: EventValues, candidates: IdSet): void {
    if (this.#asked === null) this.#gatherFields(event.fields, values, candidates)
    else this.#gatherAsked(this.#asked, values, candidates)
    const { always } = this
    for (let index = 0; index < always.length; index += 1) candidates.add(always[index] ?? 0)
    if (this.#keywords !== null) gatherKeywords(this.#keywords, event, values, candidates)
  }

  #gatherAsked(asked: readonly PlannedField[], values: EventValues, candidates: IdSet): void {
    for (let index = 0; index < asked.length; index += 1) {
      const planned = asked[index]
      if (planned === undefined) continue
      const value = values.whole(planned.slot)
      if (value !== undefined) planned.find(value, values, candidates)
    }
  }

  #gatherFields(fields: Fields, values: EventValues, candidates: IdSet): void {
    const hasPaths = this.#paths.size !== 0
    for (const name in fields) {
      const planned = this.#fields.get(name)
      if (planned !== undefined) {
        const value = fields[name]
        if (value !== undefined) planned.find(value, values, candidates)
      }
      if (hasPaths) this.#gatherPaths(name, fields, values, candidates)
    }
  }

  #gatherPaths(root: string, fields: Fields, values: EventValues, candidates: IdSet): void {
    const paths = this.#paths.get(root)
    if (paths === undefined) return
    for (const planned of paths) {
      // A flat key of that name hides the path, and is found as itself.
      if (Object.hasOwn(fields, planned.name)) continue
      const value = values.whole(planned.slot)
      if (value !== undefined) planned.find(value, values, candidates)
    }
  }

  #fieldOf(name: string, lineage: Lineage): PlannedField {
    const known = this.#fields.get(name)
    if (known !== undefined) return known
    const planned = new PlannedField(name, lineage.names.slotOf(name), lineage.indexes)
    this.#fields.set(name, planned)
    const dot = name.indexOf('.')
    if (dot === -1) return planned
    const root = name.slice(0, dot)
    const paths = this.#paths.get(root)
    if (paths === undefined) this.#paths.set(root, [planned])
    else paths.push(planned)
    return planned
  }
}

function gatherKeywords(
  keywords: KeywordField,
  { json, derived, fields }: MatchEvent,
  values: EventValues,
  candidates: IdSet,
): void {
  const { scan, postings, found } = keywords
  found.clear()
  if (json === undefined || hidesAscii(json)) {
    scan.findInText(values.keywords().joined, values.buffer, found)
  } else {
    scan.findInJson(json, values.buffer, found)
    for (const name of normalizedFields) {
      if (fields[name] !== undefined) scanField(name, keywords, fields, values)
    }
    for (const name of derived ?? []) scanField(name, keywords, fields, values)
  }
  if (found.size !== 0) postings.addRules(found, candidates)
}

/** Text that the event's JSON may not show. */
function scanField(
  name: string,
  { scan, found }: KeywordField,
  fields: Fields,
  values: EventValues,
): void {
  someScalarWithin(fieldValue(fields, name), (scalar) => {
    scan.findInText(textOf(scalar).toLowerCase(), values.buffer, found)
    return false
  })
}

/** What `schemas/normalize` adds; a producer may send fields of these names too. */
const normalizedFields = [...shellFields, ...urlFields, ...httpFields]
