import { type ListedFile, readRuleFile, statRuleFile } from './folder-listing.ts'
import type { RuleContext } from './language/context.ts'
import type { RuleFile } from './loaded-file.ts'
import { buildRuleSet, type RuleSet } from './rule-set.ts'
import { editRuleSet } from './rule-set-edit.ts'
import { Settling } from './settling.ts'

/**
 * What was taken from some rule folders so far, and what the next look at them changes.
 *
 * What looks good is taken at once. What looks worse than before (gone, empty, unreadable, refused)
 * may be a save that is not finished: it is taken when it still looks the same a moment later.
 */
export class FolderState {
  readonly #context: RuleContext
  readonly #settling: Settling
  /** Files as they were when the rule set took them: the files of `#ruleSet`, and no others. */
  #taken: Map<string, ListedFile>
  #ruleSet: RuleSet
  #nowMs = 0

  /** The first look takes everything as it is. */
  constructor(context: RuleContext, settleMs: number, files: ReadonlyMap<string, ListedFile>) {
    this.#context = context
    this.#settling = new Settling(settleMs)
    this.#ruleSet = buildRuleSet([...files.keys()].map(readRuleFile), context)
    this.#taken = new Map(files)
  }

  get ruleSet(): RuleSet {
    return this.#ruleSet
  }

  /** Is something held back that another look must decide? */
  get isSettling(): boolean {
    return this.#settling.size > 0
  }

  /** A look at these files only, and at those held back. */
  lookAt(paths: ReadonlySet<string>, nowMs: number): RuleSet {
    const edited = this.#settling.size === 0 ? this.#edited(paths) : null
    if (edited !== null) return edited
    const again = new Set([...paths, ...this.#settling.paths])
    const listed = new Map(this.#taken)
    for (const path of again) {
      const file = statRuleFile(path)
      if (file === undefined) listed.delete(path)
      else listed.set(path, file)
    }
    return this.look(listed, again, nowMs)
  }

  /** A look at all files. Those in `dirty` are read even where nothing about them seems changed. */
  look(
    listed: ReadonlyMap<string, ListedFile>,
    dirty: ReadonlySet<string>,
    nowMs: number,
  ): RuleSet {
    this.#nowMs = nowMs
    let seen = this.#compare(listed, new Set([...dirty, ...this.#settling.paths]))
    const isQuiet = seen.files.every((file) => 'isUnchanged' in file)
    if (isQuiet && seen.files.length === this.#taken.size) {
      this.#settling.endLook(new Set())
      return this.#ruleSet
    }
    let next = buildRuleSet(seen.files, this.#context, this.#ruleSet)
    const moved = movedAway(seen, next)
    if (moved.size > 0) {
      seen = without(seen, moved)
      next = buildRuleSet(seen.files, this.#context, this.#ruleSet)
    }
    const unsettled = this.#unsettledRejections(next, seen.taken)
    this.#settling.endLook(readPaths(seen, unsettled))
    if (unsettled.size > 0) {
      seen = this.#withheld(seen, unsettled)
      next = buildRuleSet(seen.files, this.#context, this.#ruleSet)
    }
    this.#taken = seen.taken
    this.#ruleSet = next
    return next
  }

  /** Null unless all that there is to see is good edits of files that were taken. */
  #edited(paths: ReadonlySet<string>): RuleSet | null {
    const listed = new Map<string, ListedFile>()
    for (const path of paths) {
      const file = this.#taken.has(path) ? statRuleFile(path) : undefined
      if (file === undefined || file.isEmpty) return null
      listed.set(path, file)
    }
    const next = editRuleSet(this.#ruleSet, [...paths].map(readRuleFile), this.#context)
    if (next === null) return null
    for (const [path, file] of listed) this.#taken.set(path, file)
    this.#ruleSet = next
    return next
  }

  #compare(listed: ReadonlyMap<string, ListedFile>, dirty: ReadonlySet<string>): Seen {
    const files: RuleFile[] = []
    const taken = new Map<string, ListedFile>()
    const gone = new Set<string>()
    for (const [path, file] of listed) {
      const before = this.#taken.get(path)
      const isSame = before?.stamp === file.stamp && !dirty.has(path)
      const isEmptied = file.isEmpty && before !== undefined && !before.isEmpty
      if (isSame || (isEmptied && !this.#isSettled(path, file.stamp))) {
        files.push({ path, isUnchanged: true })
        taken.set(path, before ?? file)
      } else {
        files.push(readRuleFile(path))
        taken.set(path, file)
      }
    }
    for (const [path, before] of this.#taken) {
      if (listed.has(path) || this.#isSettled(path, 'gone')) continue
      files.push({ path, isUnchanged: true })
      taken.set(path, before)
      gone.add(path)
    }
    return { files, taken, gone }
  }

  /** Files whose refusal is news, and too fresh to believe. */
  #unsettledRejections(next: RuleSet, taken: ReadonlyMap<string, ListedFile>): ReadonlySet<string> {
    const unsettled = new Set<string>()
    for (const { file, textHash } of next.rejections) {
      const isNews = this.#ruleSet.files.get(file)?.textHash !== textHash
      const isRefused = next.files.get(file)?.textHash === textHash
      if (isNews && isRefused && !this.#isSettled(file, taken.get(file)?.stamp ?? 'gone')) {
        unsettled.add(file)
      }
    }
    return unsettled
  }

  /** These files as they were taken before; left out where they are new. */
  #withheld(seen: Seen, unsettled: ReadonlySet<string>): Seen {
    const fresh = new Set([...unsettled].filter((path) => !this.#taken.has(path)))
    const left = without(seen, fresh)
    return {
      files: left.files.map((file) =>
        unsettled.has(file.path) ? { path: file.path, isUnchanged: true } : file,
      ),
      taken: new Map(
        [...left.taken].map(([path, file]) => [
          path,
          unsettled.has(path) ? (this.#taken.get(path) ?? file) : file,
        ]),
      ),
      gone: left.gone,
    }
  }

  #isSettled(path: string, stamp: string): boolean {
    return this.#settling.isSettled(path, stamp, this.#nowMs)
  }
}

interface Seen {
  /** What to build from. */
  readonly files: readonly RuleFile[]
  /** How each of them was when it was read. */
  readonly taken: Map<string, ListedFile>
  /** Files that are not there, and are held on to for a moment. */
  readonly gone: ReadonlySet<string>
}

function without(seen: Seen, paths: ReadonlySet<string>): Seen {
  return {
    files: seen.files.filter(({ path }) => !paths.has(path)),
    taken: new Map([...seen.taken].filter(([path]) => !paths.has(path))),
    gone: seen.gone,
  }
}

/** Files that are gone because their rules are elsewhere now: there is nothing to wait for. */
function movedAway(seen: Seen, next: RuleSet): ReadonlySet<string> {
  const idsOf = (path: string) => next.files.get(path)?.rules.map((rule) => rule.id) ?? []
  const read = seen.files.filter((file) => !('isUnchanged' in file))
  const ids = new Set(read.flatMap(({ path }) => idsOf(path)))
  return new Set([...seen.gone].filter((path) => idsOf(path).some((id) => ids.has(id))))
}

/** Files that this look takes as they are. */
function readPaths(seen: Seen, unsettled: ReadonlySet<string>): ReadonlySet<string> {
  const read = seen.files.filter((file) => !('isUnchanged' in file) && !unsettled.has(file.path))
  return new Set(read.map((file) => file.path))
}
