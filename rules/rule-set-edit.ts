import type { RuleContext } from './language/context.ts'
import { adjusted, type LoadedFile, loadFile, nothingKept, type RuleFile } from './loaded-file.ts'
import type { Rule } from './rule.ts'
import { inForce, type RuleSet } from './rule-set.ts'

/**
 * `previous` with some of its files edited, each path once: what `buildRuleSet` would make of all
 * files, at the cost of these few.
 *
 * Null where an edit may concern other files: one that is refused, now or before; ids or names that
 * are others; filters, overlays and correlations; ids in dispute.
 */
export function editRuleSet(
  previous: RuleSet,
  edits: readonly RuleFile[],
  context: RuleContext,
): RuleSet | null {
  if (previous.diagnostics.some(({ code }) => code === 'duplicate-id')) return null
  const files = new Map(previous.files)
  const rules = [...previous.rules]
  for (const edit of edits) {
    const before = previous.files.get(edit.path)
    if (before === undefined || 'problem' in edit) return null
    const file = loadFile(edit, context, previous)
    if (file === before) continue
    if (!isPlain(before) || !isPlain(file)) return null
    const after = adjusted(file, before.adjusted.by, previous)
    if (!isSameNames(before.rules, after.rules)) return null
    if (!replaceEach(rules, before.adjusted.rules, after.adjusted.rules)) return null
    files.set(edit.path, after)
  }
  return {
    ...previous,
    ...inForce(rules, context, previous),
    diagnostics: diagnosticsOf(previous, files),
    files,
  }
}

/** It holds rules and nothing else, and none is refused. */
function isPlain(file: LoadedFile): boolean {
  const { kept, filters, overlays, correlations } = file
  const isWhole = kept === nothingKept && file.refusedIds.length === 0 && !file.hasNamelessRefusal
  return isWhole && filters.length + overlays.length + correlations.length === 0
}

function isSameNames(before: readonly Rule[], after: readonly Rule[]): boolean {
  const isSame = ({ id, reference }: Rule, index: number) =>
    id === after[index]?.id && reference === after[index]?.reference
  return before.length === after.length && before.every(isSame)
}

/** Puts each of `after` where its counterpart is; false where they are not one to one. */
function replaceEach(rules: Rule[], before: readonly Rule[], after: readonly Rule[]): boolean {
  if (before.length !== after.length) return false
  for (const [index, rule] of after.entries()) {
    const old = before[index]
    const place = old === undefined ? -1 : rules.indexOf(old)
    if (place < 0 || old?.id !== rule.id) return false
    rules[place] = rule
  }
  return true
}

/** Those of the files come first; the rest is about how they go together, which has not changed. */
function diagnosticsOf(
  previous: RuleSet,
  files: ReadonlyMap<string, LoadedFile>,
): RuleSet['diagnostics'] {
  let own = 0
  for (const { diagnostics } of previous.files.values()) own += diagnostics.length
  const together = previous.diagnostics.slice(own)
  const now = []
  for (const { diagnostics } of files.values()) {
    if (diagnostics.length > 0) now.push(...diagnostics)
  }
  return [...now, ...together]
}
