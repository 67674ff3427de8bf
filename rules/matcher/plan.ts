import type { Fields, MatchEvent } from '../../schemas/event.ts'
import type { EventValues } from './event-values.ts'
import type { IdSet } from './id-set.ts'
import type { Waiting } from './indexed-field.ts'
import type { Choice, CompiledCondition, Lineage } from './lineage.ts'
import { PlannedField } from './planned-field.ts'
import { PlannedKeywords } from './planned-keywords.ts'

/** With no more fields than this, the event is asked for each; with more, its own are gone through. */
const askedFieldsMax = 12

/**
 * A set of rules, indexed by what an event must show for each to be worth evaluating.
 *
 * Contract: `gather` adds every rule that matches the event, and may add more. That holds for
 * whatever witness was chosen for each rule.
 */
export interface RulePlan {
  /** One for each rule. */
  readonly choices: readonly Choice[]
  /** Numbers of the rules that no index can leave out. */
  readonly always: readonly number[]
  gather(event: MatchEvent, values: EventValues, candidates: IdSet): void
  /**
   * The same plan without the conditions of `removed` and with `added`. Only the fields that these
   * look at are planned anew. `textsOf`: texts that a field has had, lower-case.
   */
  replaced(
    removed: ReadonlySet<CompiledCondition>,
    added: readonly Choice[],
    textsOf?: (field: string) => readonly string[],
  ): RulePlan
}

export class Plan implements RulePlan {
  readonly choices: readonly Choice[]
  readonly always: readonly number[]
  readonly #fields: ReadonlyMap<string, PlannedField>
  /** Names with dots, by the field that their path begins with. */
  readonly #paths: ReadonlyMap<string, readonly PlannedField[]>
  readonly #keywords: PlannedKeywords | null
  readonly #asked: readonly PlannedField[] | null
  readonly #lineage: Lineage

  /** `fields`: what is known already; only the others are made here. */
  constructor(
    choices: readonly Choice[],
    lineage: Lineage,
    fields: ReadonlyMap<string, PlannedField> = new Map(),
  ) {
    this.choices = choices
    this.always = alwaysOf(choices)
    this.#fields = new Map([...fields, ...plannedFields(choices, fields, lineage)])
    this.#paths = byRoot([...this.#fields.values()].filter(({ name }) => name.includes('.')))
    this.#keywords = plannedKeywords(choices, lineage)
    this.#asked = this.#fields.size <= askedFieldsMax ? [...this.#fields.values()] : null
    this.#lineage = lineage
  }

  replaced(
    removed: ReadonlySet<CompiledCondition>,
    added: readonly Choice[],
    textsOf: (field: string) => readonly string[] = () => [],
  ): Plan {
    const isRemoved = ({ condition }: Choice): boolean => removed.has(condition)
    const touched = new Set([...this.choices.filter(isRemoved), ...added].flatMap(fieldsOfChoice))
    const kept = new Map([...this.#fields].filter(([name]) => !touched.has(name)))
    const choices = [...this.choices.filter((choice) => !isRemoved(choice)), ...added]
    const plan = new Plan(choices, this.#lineage, kept)
    for (const name of touched) {
      // Who has had this field will have it again; no event should have to wait.
      if (this.#fields.get(name)?.isIndexed === true) plan.#fields.get(name)?.index(textsOf(name))
    }
    return plan
  }

  gather(event: MatchEvent, values: EventValues, candidates: IdSet): void {
    if (this.#asked === null) this.#gatherFields(event.fields, values, candidates)
    else this.#gatherAsked(this.#asked, values, candidates)
    const { always } = this
    for (let index = 0; index < always.length; index += 1) candidates.add(always[index] ?? 0)
    if (this.#keywords !== null) this.#keywords.find(event, values, candidates)
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
}

/** Numbers of those without a witness. */
export function alwaysOf(choices: readonly Choice[]): readonly number[] {
  return choices.filter(({ witness }) => witness === null).map(({ condition }) => condition.number)
}

function fieldsOfChoice({ witness }: Choice): string[] {
  return (witness?.atoms ?? []).flatMap((atom) => (atom.op === 'keyword' ? [] : [atom.field]))
}

/** Every field of `choices` that is not among `known`. */
function plannedFields(
  choices: readonly Choice[],
  known: ReadonlyMap<string, PlannedField>,
  { names, indexes }: Lineage,
): Map<string, PlannedField> {
  const fields = new Map<string, PlannedField>()
  for (const { id, condition, witness } of choices) {
    for (const atom of witness?.atoms ?? []) {
      if (atom.op === 'keyword' || known.has(atom.field)) continue
      let planned = fields.get(atom.field)
      if (planned === undefined) {
        planned = new PlannedField(atom.field, names.slotOf(atom.field), indexes)
        fields.set(atom.field, planned)
      }
      planned.add(atom, condition.number, id)
    }
  }
  return fields
}

function byRoot(fields: readonly PlannedField[]): Map<string, PlannedField[]> {
  const roots = new Map<string, PlannedField[]>()
  for (const field of fields) {
    const root = field.name.slice(0, field.name.indexOf('.'))
    roots.set(root, [...(roots.get(root) ?? []), field])
  }
  return roots
}

function plannedKeywords(choices: readonly Choice[], lineage: Lineage): PlannedKeywords | null {
  const waiting: Waiting<string>[] = []
  const ids: number[] = []
  for (const { id, condition, witness } of choices) {
    for (const atom of witness?.atoms ?? []) {
      if (atom.op !== 'keyword') continue
      waiting.push({ atom: atom.literal, rule: condition.number })
      if (ids.at(-1) !== id) ids.push(id)
    }
  }
  return waiting.length === 0 ? null : new PlannedKeywords(waiting, ids, lineage.keywords)
}
