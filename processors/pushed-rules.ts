/**
 * Rules from the log (R11): the rule files that `rules push` published to the catalog, folded in log
 * order, so that every worker runs the same set.
 *
 * Contract: nothing is built before `build` is called, which is once the log has been read to its end;
 * so no worker runs a part of the set. A file that does not pass keeps its rules' last good versions,
 * as in a folder. Of two records with one path the later counts.
 */

import type { LogRecord } from '../core/kafka.ts'
import type { RuleSetChange } from '../rules/folder.ts'
import type { RuleContext } from '../rules/language/context.ts'
import type { RuleFile } from '../rules/loaded-file.ts'
import { ruleChanges } from '../rules/rule-change.ts'
import { buildRuleSet, type RuleSet } from '../rules/rule-set.ts'
import { editRuleSet } from '../rules/rule-set-edit.ts'
import { parseCatalog } from '../schemas/catalog.ts'

export interface PushedFile {
  readonly path: string
  readonly content: string
}

/** The rule files that the catalog holds, by the id of their record. */
export class PushedFiles {
  readonly #files = new Map<string, PushedFile>()

  /** Takes one catalog record; false if it says nothing new of a rule file. */
  take(record: LogRecord): boolean {
    const change = parse(record)
    if (change?.kind !== 'rule') return false
    if (change.op === 'delete') return this.#files.delete(change.id)
    const { path, content } = change.entity
    if (typeof path !== 'string' || typeof content !== 'string') return false
    const before = this.#files.get(change.id)
    if (before?.path === path && before.content === content) return false
    for (const [id, file] of this.#files) if (file.path === path) this.#files.delete(id)
    this.#files.set(change.id, { path, content })
    return true
  }

  byId(): ReadonlyMap<string, PushedFile> {
    return this.#files
  }
}

export class PushedRules {
  readonly #context: RuleContext
  /** Loaded with every set. */
  readonly #own: readonly RuleFile[]
  readonly #files = new PushedFiles()
  /** Path → text of what `#ruleSet` was built from. */
  #built: ReadonlyMap<string, string> = new Map()
  #isChanged = true
  #ruleSet: RuleSet | null = null

  constructor(context: RuleContext, own: readonly RuleFile[]) {
    this.#context = context
    this.#own = own
  }

  /** null before the first `build`. */
  get ruleSet(): RuleSet | null {
    return this.#ruleSet
  }

  take(record: LogRecord): void {
    if (this.#files.take(record)) this.#isChanged = true
  }

  /** The rule set of what has been taken; null when nothing changed. */
  build(): RuleSetChange | null {
    if (!this.#isChanged) return null
    this.#isChanged = false
    const before = this.#ruleSet ?? undefined
    const contents = new Map(
      [...this.#files.byId().values()].map(({ path, content }) => [path, content]),
    )
    const pushed = [...contents].map(([path, text]): RuleFile => {
      return this.#built.get(path) === text ? { path, isUnchanged: true } : { path, text }
    })
    const ruleSet = this.#edited(before, pushed) ?? this.#rebuilt(before, pushed)
    this.#built = contents
    this.#ruleSet = ruleSet
    return { ruleSet, changes: ruleChanges(before, ruleSet) }
  }

  /** Null unless the paths are those of before. */
  #edited(before: RuleSet | undefined, pushed: readonly RuleFile[]): RuleSet | null {
    const isSame =
      pushed.length === this.#built.size && pushed.every(({ path }) => this.#built.has(path))
    if (before === undefined || !isSame) return null
    return editRuleSet(
      before,
      pushed.filter((file) => !('isUnchanged' in file)),
      this.#context,
    )
  }

  #rebuilt(before: RuleSet | undefined, pushed: readonly RuleFile[]): RuleSet {
    const own = before === undefined ? this.#own : this.#own.map(unchanged)
    return buildRuleSet([...own, ...pushed], this.#context, before)
  }
}

function unchanged({ path }: RuleFile): RuleFile {
  return { path, isUnchanged: true }
}

/** Rules' records only are parsed whole: most of a catalog is about other things. */
function parse({ value, timestampMs }: LogRecord) {
  if (value === null) return null
  try {
    const input: unknown = JSON.parse(Buffer.from(value).toString('utf8'))
    const isRule =
      typeof input === 'object' && input !== null && 'kind' in input && input.kind === 'rule'
    if (!isRule) return null
    const parsed = parseCatalog(input, { eventTimeMs: timestampMs, validityDays: 0 })
    return parsed.ok ? parsed.value : null
  } catch {
    // The catalog processor dead-letters it with its reason; here it changes nothing.
    return null
  }
}
