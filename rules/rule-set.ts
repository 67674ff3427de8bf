import type { Diagnostic } from '../core/diagnostic.ts'
import { compileRules } from './compile.ts'
import { circularCorrelations } from './correlated-rule.ts'
import type { RuleContext } from './language/context.ts'
import type { Correlation } from './language/correlation.ts'
import { isNamed, type SigmaFilter } from './language/filter.ts'
import type { Overlay } from './language/overlay.ts'
import {
  type Adjustments,
  adjusted,
  isSameList,
  type LoadedFile,
  loadFile,
  nothingKept,
  type RuleFile,
} from './loaded-file.ts'
import type { CompiledRevision } from './matcher/revision.ts'
import type { Rule } from './rule.ts'

/**
 * All rules of a set of files, compiled, and what is wrong with them.
 *
 * Contract:
 * - The set depends on the files alone, but for one thing: a rule whose text no longer passes keeps
 *   its last good version (R7). A file that is gone or empty has no rules.
 * - One rule an id: the first by path, then by line, is in force, the others are reported.
 * - What did not change is not parsed again, and stays the same object.
 */
export interface RuleSet {
  /** By path, then by line. Filters and overlays are applied. */
  readonly rules: readonly Rule[]
  readonly correlations: readonly Correlation[]
  readonly revision: CompiledRevision
  /** Of every file, and of how they go together. */
  readonly diagnostics: readonly Diagnostic[]
  /** What is refused now: rules that do not pass, and files that cannot be read. */
  readonly rejections: readonly Rejection[]
  readonly files: ReadonlyMap<string, LoadedFile>
}

export interface Rejection {
  readonly file: string
  /** '' when the file does not tell. */
  readonly ruleId: string
  /** Of the text that was refused; '' when it could not be read. */
  readonly textHash: string
  readonly diagnostics: readonly Diagnostic[]
}

/** `files` in any order, each path once. Total: bad files end as diagnostics. */
export function buildRuleSet(
  files: readonly RuleFile[],
  context: RuleContext,
  previous?: RuleSet,
): RuleSet {
  const sorted = files.toSorted((a, b) => (a.path < b.path ? -1 : 1))
  const parsed = sorted.map((file) => loadFile(file, context, previous))
  const by = adjustmentsOf(parsed)
  const loaded = parsed.map((file) => adjusted(file, by, previous))
  const diagnostics = loaded.flatMap((file) => file.diagnostics)
  const rejections = loaded.flatMap(rejectionsOf)
  const claims = claimIds(loaded)
  const { rules, duplicates } = claims
  const circular = circularCorrelations(claims.correlations)
  const correlations = claims.correlations.filter((one) => !circular.includes(one))
  const refused = [...duplicates, ...circular.map(circleOf)]
  for (const { item, diagnostic } of refused) {
    diagnostics.push(diagnostic)
    const { file, id: ruleId, ruleHash: textHash } = item
    rejections.push({ file, ruleId, textHash, diagnostics: [diagnostic] })
  }
  diagnostics.push(...danglingReferences(loaded, claims.correlations, by))
  return {
    ...inForce(rules, context, previous),
    correlations,
    diagnostics,
    rejections,
    files: new Map(loaded.map((file) => [file.file, file])),
  }
}

/** Most files have none, and this is asked of all files whenever one is edited. */
function adjustmentsOf(parsed: readonly LoadedFile[]): Adjustments {
  const filters: SigmaFilter[] = []
  const overlays: Overlay[] = []
  for (const file of parsed) {
    for (const some of [file, file.kept]) {
      if (some.filters.length > 0) filters.push(...some.filters)
      if (some.overlays.length > 0) overlays.push(...some.overlays)
    }
  }
  return { filters, overlays }
}

/** What did not change is taken over from `previous`: of the same rules the revision itself. */
export function inForce(
  rules: readonly Rule[],
  { matching }: RuleContext,
  previous: RuleSet | undefined,
): Pick<RuleSet, 'rules' | 'revision'> {
  if (previous === undefined) return { rules, revision: compileRules(rules, { ...matching }) }
  const { revision } = previous
  if (isSameList(previous.rules, rules)) return { rules: previous.rules, revision }
  return { rules, revision: compileRules(rules, { ...matching, previous: revision }) }
}

function rejectionsOf(file: LoadedFile): readonly Rejection[] {
  if (file.refusedIds.length === 0 && !file.hasNamelessRefusal) return []
  const diagnostics = file.diagnostics.filter(({ severity }) => severity === 'error')
  const ids = [...new Set(file.refusedIds), ...(file.hasNamelessRefusal ? [''] : [])]
  return ids.map((ruleId) => ({ file: file.file, ruleId, textHash: file.textHash, diagnostics }))
}

interface Claims {
  readonly rules: readonly Rule[]
  readonly correlations: readonly Correlation[]
  readonly duplicates: readonly { item: Rule | Correlation; diagnostic: Diagnostic }[]
}

/** One item an id. What a file says now comes before what another file no longer says. */
function claimIds(files: readonly LoadedFile[]): Claims {
  const taken = new Map<string, Rule | Correlation>()
  const duplicates: Claims['duplicates'][number][] = []
  const isFirst = (item: Rule | Correlation, isKept: boolean): boolean => {
    const first = taken.get(item.id)
    if (first === undefined) taken.set(item.id, item)
    else if (!isKept) duplicates.push({ item, diagnostic: duplicateOf(item, first) })
    return first === undefined
  }
  const rules: Rule[] = []
  const correlations: Correlation[] = []
  const claim = (file: LoadedFile, isKept: boolean) => {
    const kept = file.kept.rules
    for (const rule of file.adjusted.rules) {
      const isOfKept = kept.length > 0 && kept.some(({ id }) => id === rule.id)
      if (isOfKept === isKept && isFirst(rule, isKept)) rules.push(rule)
    }
    for (const correlation of isKept ? file.kept.correlations : file.correlations) {
      if (isFirst(correlation, isKept)) correlations.push(correlation)
    }
  }
  for (const file of files) claim(file, false)
  for (const file of files) if (file.kept !== nothingKept) claim(file, true)
  return { rules: rules.sort(byPlace), correlations: correlations.sort(byPlace), duplicates }
}

type Placed = { readonly file: string; readonly line: number }

function byPlace(a: Placed, b: Placed): number {
  return a.file === b.file ? a.line - b.line : a.file < b.file ? -1 : 1
}

function duplicateOf(item: Rule | Correlation, first: Placed): Diagnostic {
  return {
    severity: 'error',
    code: 'duplicate-id',
    message: `\`${item.id}\` is the id of another rule`,
    file: item.file,
    line: item.line,
    column: 1,
    note: `the one in force is at ${first.file}:${first.line}`,
  }
}

function circleOf(item: Correlation): Claims['duplicates'][number] {
  const { file, line } = item
  const diagnostic: Diagnostic = {
    severity: 'error',
    code: 'circular-correlation',
    message: `\`${item.id}\` refers to itself through the correlations that it refers to`,
    ...{ file, line, column: 1 },
    note: 'each of its alerts would be counted for the next: take one of the references out',
  }
  return { item, diagnostic }
}

/** Names that correlations, filters and overlays refer to, and no rule has. */
function danglingReferences(
  files: readonly LoadedFile[],
  correlations: readonly Correlation[],
  { filters, overlays }: Adjustments,
): readonly Diagnostic[] {
  const referrers = [...correlations, ...filters, ...overlays]
  if (referrers.length === 0) return []
  const rules = files.flatMap((file) => [...file.rules, ...file.kept.rules])
  const targets = [...rules, ...correlations]
  return referrers.flatMap(({ rules: names, file, line }) =>
    (names === 'any' ? [] : names)
      .filter((name) => !targets.some((target) => isNamed(target, name)))
      .map((name) => ({
        severity: 'warning' as const,
        code: 'unknown-rule',
        message: `no rule has the id or name \`${name}\``,
        file,
        line,
        column: 1,
      })),
  )
}
