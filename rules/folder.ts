import { normalize } from 'node:path'
import { type Clock, systemClock } from '../core/clock.ts'
import { assert, messageOf } from '../core/error.ts'
import type { Log } from '../core/log.ts'
import { inodeOf, type ListedFile, listRuleFolders } from './folder-listing.ts'
import { FolderState } from './folder-state.ts'
import { FolderWatcher } from './folder-watcher.ts'
import type { RuleContext } from './language/context.ts'
import { type RuleChange, ruleChanges } from './rule-change.ts'
import type { RuleSet } from './rule-set.ts'

/**
 * Hot reload: keeps a rule set equal to what some folders hold.
 *
 * Level-triggered: an event of the file system only says that it is time to look. What is done
 * depends on what lies there, so a missed, doubled or reordered event changes nothing but the delay;
 * a look at everything follows every change, and comes from time to time without one.
 */
export interface RuleFolderOptions {
  readonly context: RuleContext
  readonly log: Log
  /** Told of every change, in order, one call at a time. */
  readonly onChange: (change: RuleSetChange) => void
  readonly clock?: Clock
  /** Quiet time after an event before looking. */
  readonly debounceMs?: number
  /** How long a file must look gone, empty or broken before that is believed. */
  readonly settleMs?: number
  /** Time between two looks at everything while nothing happens. */
  readonly resyncMs?: number
}

export interface RuleSetChange {
  readonly ruleSet: RuleSet
  readonly changes: readonly RuleChange[]
}

export interface RuleFolder {
  /** What is in force now. */
  readonly ruleSet: RuleSet
  /** Looks at everything now. */
  refresh(): void
  close(): Promise<void>
}

const debounceMsDefault = 10
const settleMsDefault = 150
const resyncMsDefault = 10_000
/** Folders themselves are looked for this often: no event tells that one came, or is another now. */
const tickMs = 1_000
/** Events without a pause delay a look at most this long. */
const debounceMsMax = 250

/** Loads `folders` and follows them. A folder that is not there yet is waited for. */
export async function watchRules(
  folders: readonly string[],
  options: RuleFolderOptions,
): Promise<RuleFolder> {
  const follower = new Follower(folders, options)
  follower.start()
  return follower
}

class Follower implements RuleFolder {
  readonly #folders: readonly string[]
  readonly #options: RuleFolderOptions
  readonly #clock: Clock
  readonly #dirty = new Set<string>()
  #isAllDirty = false
  #state: FolderState | undefined
  #firstEventMs = 0
  #lookedMs = 0
  #timer: NodeJS.Timeout | undefined
  readonly #watcher: FolderWatcher
  #isImpaired = false
  #roots = ''
  #problems = ''
  #isClosed = false

  constructor(folders: readonly string[], options: RuleFolderOptions) {
    this.#folders = folders.map((folder) => normalize(folder))
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.#watcher = new FolderWatcher({
      onFile: (path) => this.#notice(path),
      onAny: () => this.#notice(null),
      onProblem: (error) => {
        if (!this.#isImpaired) options.log.warn({ error }, 'watching rule folders is impaired')
        this.#isImpaired = true
      },
    })
  }

  get ruleSet(): RuleSet {
    assert(this.#state !== undefined, 'the rule folders were not loaded')
    return this.#state.ruleSet
  }

  /** Watches before it loads, so that nothing falls between the two. */
  start(): void {
    this.#listed()
    this.#isAllDirty = false
    const settleMs = this.#options.settleMs ?? settleMsDefault
    this.#state = new FolderState(this.#options.context, settleMs, this.#listed())
    this.#lookedMs = this.#clock.now()
    if (this.#dirty.size > 0 || this.#isAllDirty) this.#schedule(0)
    else this.#scheduleTick()
  }

  refresh(): void {
    this.#isAllDirty = true
    this.#look()
  }

  async close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#timer)
    this.#watcher.close()
  }

  /** Null: whatever there is. */
  #notice(path: string | null): void {
    if (path === null) this.#isAllDirty = true
    else this.#dirty.add(path)
    if (this.#state === undefined) return
    const nowMs = this.#clock.now()
    if (this.#firstEventMs === 0) this.#firstEventMs = nowMs
    const waited = nowMs - this.#firstEventMs
    const debounceMs = this.#options.debounceMs ?? debounceMsDefault
    this.#schedule(Math.min(debounceMs, Math.max(0, debounceMsMax - waited)))
  }

  #schedule(delayMs: number, act: () => void = () => this.#look()): void {
    clearTimeout(this.#timer)
    if (this.#isClosed) return
    this.#timer = setTimeout(act, delayMs)
    this.#timer.unref()
  }

  #scheduleTick(): void {
    const resyncMs = this.#options.resyncMs ?? resyncMsDefault
    this.#schedule(Math.min(tickMs, resyncMs), () => this.#tick())
  }

  /** Nothing was heard. Is there reason to look? */
  #tick(): void {
    const resyncMs = this.#options.resyncMs ?? resyncMsDefault
    const isDue = this.#clock.now() - this.#lookedMs >= resyncMs
    const isElsewhere = this.#rootsNow() !== this.#roots
    if (isDue || isElsewhere || this.#problems !== '') this.#look()
    else this.#scheduleTick()
  }

  #look(): void {
    const isPartial = this.#dirty.size > 0 && !this.#isAllDirty
    try {
      this.#sync(isPartial)
    } catch (thrown) {
      const error = messageOf(thrown)
      this.#options.log.error({ error }, 'the rule folders could not be followed')
    }
    this.#firstEventMs = 0
    const settleMs = this.#options.settleMs ?? settleMsDefault
    const isUnsure = isPartial || this.#isAllDirty || this.#state?.isSettling === true
    if (isUnsure) this.#schedule(settleMs)
    else this.#scheduleTick()
  }

  #sync(isPartial: boolean): void {
    const state = this.#state
    if (state === undefined) return
    const before = state.ruleSet
    const dirty = new Set(this.#dirty)
    const nowMs = this.#clock.now()
    this.#dirty.clear()
    this.#isAllDirty = false
    if (!isPartial) this.#lookedMs = nowMs
    const after = isPartial ? state.lookAt(dirty, nowMs) : state.look(this.#listed(), dirty, nowMs)
    const changes = ruleChanges(before, after)
    if (changes.length > 0) this.#tell({ ruleSet: after, changes })
  }

  #tell(change: RuleSetChange): void {
    const { log, onChange } = this.#options
    const counts = { loaded: 0, reloaded: 0, rejected: 0, removed: 0 }
    for (const { change: kind } of change.changes) counts[kind] += 1
    const { rules, revision } = change.ruleSet
    log.info(
      { rules: rules.length, revision: revision.id.slice(0, 12), ...counts },
      'rules changed',
    )
    try {
      onChange(change)
    } catch (thrown) {
      log.error({ error: messageOf(thrown) }, 'a change of rules could not be passed on')
    }
  }

  /** Also watches it. What was not watched until now may have changed between the two. */
  #listed(): ReadonlyMap<string, ListedFile> {
    this.#roots = this.#rootsNow()
    const listing = listRuleFolders(this.#folders)
    const { files, problems } = listing
    if (this.#watcher.follow(listing)) this.#isAllDirty = true
    const text = [...problems].map(([folder, problem]) => `${folder}: ${problem}`).join('\n')
    if (text !== this.#problems && text !== '') {
      const fields = { problems: Object.fromEntries(problems) }
      this.#options.log.warn(fields, 'a rule folder cannot be listed')
    }
    this.#problems = text
    return files
  }

  /** Which folders these are: one that was removed and restored is another. */
  #rootsNow(): string {
    return this.#folders.map((folder) => inodeOf(folder)).join()
  }
}
