import { lstatSync } from 'node:fs'
import { join } from 'node:path'
import { FSWatcher } from 'chokidar'
import { messageOf } from '../core/error.ts'
import { inodeOf, isRuleFileName, type Listing } from './folder-listing.ts'

/**
 * Hints that something changed in rule folders: one watch for each directory, as it is listed, and
 * for each file that is a link, whose target lies elsewhere.
 *
 * Contract: a hint may be missed, doubled or wrong; whoever is told looks for itself. What a listing
 * names is watched from `follow` on, so what happened before is to be looked for after it. The cost of
 * a hint does not grow with the files of a directory.
 */
export interface FolderHints {
  /** A rule file may have changed, come or gone. */
  readonly onFile: (path: string) => void
  /** Anything may have changed. */
  readonly onAny: () => void
  /** Something cannot be watched; it is listed from time to time all the same. */
  readonly onProblem: (problem: string) => void
}

interface Watched {
  readonly inode: number
  readonly watcher: FSWatcher
}

export class FolderWatcher {
  readonly #hints: FolderHints
  readonly #watched = new Map<string, Watched>()

  constructor(hints: FolderHints) {
    this.#hints = hints
  }

  /** Watches what is listed and nothing else; true if some of it was not watched until now. */
  follow({ directories, links }: Pick<Listing, 'directories' | 'links'>): boolean {
    for (const [path, { watcher }] of this.#watched) {
      if (directories.has(path) || links.has(path)) continue
      end(watcher)
      this.#watched.delete(path)
    }
    let isNew = false
    for (const path of directories) isNew = this.#watch(path, this.#inDirectory) || isNew
    for (const path of links) isNew = this.#watch(path, this.#hints.onFile) || isNew
    return isNew
  }

  close(): void {
    for (const { watcher } of this.#watched.values()) end(watcher)
    this.#watched.clear()
  }

  /** One that was replaced is another, under the same path. */
  #watch(path: string, tell: (path: string, name: string | null) => void): boolean {
    const inode = inodeOf(path)
    const known = this.#watched.get(path)
    if (known?.inode === inode || inode === 0) return false
    if (known !== undefined) end(known.watcher)
    this.#watched.set(path, { inode, watcher: this.#open(path, tell) })
    return true
  }

  #open(path: string, tell: (path: string, name: string | null) => void): FSWatcher {
    const watcher = new HintWatcher({ ignoreInitial: true, depth: 0 }).add(path)
    watcher.on('raw', (_event, name) => tell(path, name))
    // From here on it is watched.
    watcher.on('ready', this.#hints.onAny)
    watcher.on('unlinkDir', this.#hints.onAny)
    watcher.on('error', (thrown) => {
      this.#watched.delete(path)
      end(watcher)
      this.#hints.onProblem(`${path}: ${messageOf(thrown)}`)
      this.#hints.onAny()
    })
    return watcher
  }

  readonly #inDirectory = (directory: string, name: string | null): void => {
    if (name === null) this.#hints.onAny()
    else if (isRuleFileName(name)) this.#hints.onFile(join(directory, name))
    else if (this.#mayHoldRules(directory, join(directory, name))) this.#hints.onAny()
  }

  /** Not so editors' own files; so a directory, a link to one, either of them gone, or all gone. */
  #mayHoldRules(directory: string, path: string): boolean {
    try {
      const stats = lstatSync(path, { throwIfNoEntry: false })
      if (stats !== undefined) return !stats.isFile()
    } catch {
      return true
    }
    return this.#watched.has(path) || inodeOf(directory) !== this.#watched.get(directory)?.inode
  }
}

/** It tells nothing more from here on; what is left to do is chokidar's. */
function end(watcher: FSWatcher): void {
  watcher.close().catch(() => {})
}

/**
 * chokidar without its own look at what a directory holds, which is ours: for every event it would
 * read the directory and stat each file of it, half of what an edit among 1,200 rules costs.
 */
class HintWatcher extends FSWatcher {
  override _readdirp(): undefined {
    return undefined
  }
}
