import type { Diagnostic } from '../core/diagnostic.ts'
import { assert } from '../core/error.ts'
import { sha256Hex } from '../core/hash.ts'
import type { RuleContext } from './language/context.ts'
import { filtered, type SigmaFilter } from './language/filter.ts'
import { type Overlay, overlaid } from './language/overlay.ts'
import { type ParsedFile, parseRules } from './language/parse.ts'
import type { Rule } from './rule.ts'

export type RuleFile =
  | { readonly path: string; readonly text: string }
  /** As it was when the previous set was built. */
  | { readonly path: string; readonly isUnchanged: true }
  /** The file is there and cannot be read. */
  | { readonly path: string; readonly problem: string }

/** One file of a rule set: what its text says, and what is kept of what it said before. */
export interface LoadedFile extends ParsedFile {
  readonly textHash: string
  /** Last good versions of what this file's text no longer yields. */
  readonly kept: Pick<ParsedFile, 'rules' | 'filters' | 'correlations' | 'overlays'>
  /** The file's rules as these filters and overlays of all files leave them. */
  readonly adjusted: { readonly by: Adjustments; readonly rules: readonly Rule[] }
}

export interface Adjustments {
  readonly filters: readonly SigmaFilter[]
  readonly overlays: readonly Overlay[]
}

/** A rule set, as far as its files go. */
interface Files {
  readonly files: ReadonlyMap<string, LoadedFile>
}

/** What did not change is the same object as in `previous`. Its rules are adjusted by nothing. */
export function loadFile(
  file: RuleFile,
  context: RuleContext,
  previous: Files | undefined,
): LoadedFile {
  const before = previous?.files.get(file.path)
  if ('isUnchanged' in file) {
    assert(before !== undefined, `${file.path} cannot be unchanged: it was not there`)
    return before
  }
  if ('problem' in file) return unreadable(file.path, file.problem, before)
  const textHash = sha256Hex(file.text)
  if (before?.textHash === textHash) return before
  const parsed = parseRules(file.path, file.text, context)
  return {
    ...parsed,
    textHash,
    kept: lastGood(parsed, before, previous),
    adjusted: { by: noAdjustments, rules: parsed.rules },
  }
}

function unreadable(path: string, problem: string, before: LoadedFile | undefined): LoadedFile {
  const diagnostic: Diagnostic = {
    severity: 'error',
    code: 'unreadable-file',
    message: problem,
    file: path,
    line: 0,
    column: 0,
    note:
      before === undefined ? 'it is read again when it changes' : 'its last rules stay in force',
  }
  const nothing = { file: path, rules: [], filters: [], correlations: [], overlays: [] }
  const parsed = { ...nothing, diagnostics: [diagnostic], refusedIds: [], hasNamelessRefusal: true }
  const kept = lastGood(parsed, before, undefined)
  return { ...parsed, textHash: '', kept, adjusted: { by: noAdjustments, rules: [] } }
}

/** Versions in force of everything that `parsed` refuses, wherever they came from. */
function lastGood(
  parsed: ParsedFile,
  before: LoadedFile | undefined,
  previous: Files | undefined,
): LoadedFile['kept'] {
  if (parsed.refusedIds.length === 0 && !parsed.hasNamelessRefusal) return nothingKept
  const now = new Set(itemsOf(parsed).map(idOf))
  const refused = new Set(parsed.refusedIds)
  const isKept = (item: { id: string }) =>
    !now.has(item.id) && (refused.has(item.id) || parsed.hasNamelessRefusal)
  const own = {
    rules: [...(before?.rules ?? []), ...(before?.kept.rules ?? [])].filter(isKept),
    filters: [...(before?.filters ?? []), ...(before?.kept.filters ?? [])].filter(isKept),
    correlations: [...(before?.correlations ?? []), ...(before?.kept.correlations ?? [])].filter(
      isKept,
    ),
    overlays: [...(before?.overlays ?? []), ...(before?.kept.overlays ?? [])].filter(isKept),
  }
  // A rule that moved to this file and broke on the way.
  const found = new Set(itemsOf(own).map(idOf))
  const isMoved = (item: { id: string }) =>
    refused.has(item.id) && !found.has(item.id) && !now.has(item.id)
  const others = [...(previous?.files.values() ?? [])].flatMap((file) => [
    ...file.rules,
    ...file.kept.rules,
  ])
  return { ...own, rules: [...own.rules, ...others.filter(isMoved).slice(0, 1)] }
}

/** Of a file of which nothing is refused. */
export const nothingKept: LoadedFile['kept'] = {
  rules: [],
  filters: [],
  correlations: [],
  overlays: [],
}
const noAdjustments: Adjustments = { filters: [], overlays: [] }

function itemsOf(some: LoadedFile['kept']): readonly { readonly id: string }[] {
  return [...some.rules, ...some.filters, ...some.correlations, ...some.overlays]
}

function idOf(item: { readonly id: string }): string {
  return item.id
}

/** The file with its rules as all filters and overlays leave them; the same object where nothing changed. */
export function adjusted(
  file: LoadedFile,
  by: Adjustments,
  previous: Files | undefined,
): LoadedFile {
  const isCurrent =
    previous?.files.get(file.file) === file &&
    isSameList(file.adjusted.by.filters, by.filters) &&
    isSameList(file.adjusted.by.overlays, by.overlays)
  if (isCurrent) return file
  const rules = [...file.rules, ...file.kept.rules]
    .toSorted((a, b) => a.line - b.line)
    .flatMap((rule) => overlaid(filtered(rule, by.filters), by.overlays))
  return { ...file, adjusted: { by, rules } }
}

export function isSameList<T>(a: readonly T[], b: readonly T[]): boolean {
  return a.length === b.length && a.every((item, index) => item === b[index])
}
