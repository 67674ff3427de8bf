import type { Diagnostic } from '../../core/diagnostic.ts'
import type { Rule } from '../rule.ts'
import { expandCollection, type RuleDocument } from './collection.ts'
import type { RuleContext } from './context.ts'
import { type Correlation, parseCorrelation } from './correlation.ts'
import { parseFilter, type SigmaFilter } from './filter.ts'
import { parseNative } from './native.ts'
import { type Overlay, parseOverlay } from './overlay.ts'
import { Report } from './report.ts'
import { parseSigma } from './sigma.ts'
import { parseYaml, type YamlMap } from './yaml.ts'

/** Everything that a file of rules holds, and everything that is wrong with it. */
export interface ParsedFile {
  readonly file: string
  readonly rules: readonly Rule[]
  readonly filters: readonly SigmaFilter[]
  readonly correlations: readonly Correlation[]
  readonly overlays: readonly Overlay[]
  readonly diagnostics: readonly Diagnostic[]
  /** Ids of the documents that were refused. */
  readonly refusedIds: readonly string[]
  /** Something was refused whose id cannot be read: the whole file, or a document without one. */
  readonly hasNamelessRefusal: boolean
}

/**
 * The rules of one file, native and Sigma, in any number of YAML documents. Total: what cannot be a
 * rule is a diagnostic. Pure: equal text and context give an equal result.
 */
export function parseRules(file: string, text: string, context: RuleContext): ParsedFile {
  const report = new Report(file, text)
  const roots = parseYaml(report)
  const isUnreadable = report.errorCount > 0
  const maps: YamlMap[] = []
  let hasNamelessRefusal = isUnreadable
  for (const root of isUnreadable ? [] : roots) {
    if (root.kind === 'map') maps.push(root)
    else {
      hasNamelessRefusal = true
      report.error('not-a-rule', 'a rule is a map of keys', root)
    }
  }
  const rules: Rule[] = []
  const filters: SigmaFilter[] = []
  const correlations: Correlation[] = []
  const overlays: Overlay[] = []
  const refusedIds: string[] = []
  for (const document of expandCollection(report, maps)) {
    const errorsBefore = report.errorCount
    switch (languageOf(document)) {
      case 'native':
        rules.push(...found(parseNative(report, document, context)))
        break
      case 'sigma':
        rules.push(...found(parseSigma(report, document, context)))
        break
      case 'filter':
        filters.push(...found(parseFilter(report, document, context)))
        break
      case 'correlation':
        correlations.push(...found(parseCorrelation(report, document, context)))
        break
      case 'overlay':
        overlays.push(...found(parseOverlay(report, document, context)))
        break
      case 'unknown': {
        const note = 'a native rule has `rule_id`, a Sigma rule `detection`'
        report.error('not-a-rule', 'this is no rule', document.map, note)
      }
    }
    if (report.errorCount === errorsBefore) continue
    const id = ['rule_id', 'id', 'overlay'].map((key) => textOf(document, key)).find(Boolean)
    if (id === undefined) hasNamelessRefusal = true
    else refusedIds.push(id)
  }
  const { diagnostics } = report
  return {
    file,
    rules,
    filters,
    correlations,
    overlays,
    diagnostics,
    refusedIds,
    hasNamelessRefusal,
  }
}

function languageOf({ map }: RuleDocument) {
  const has = (name: string) => map.entries.some(({ key }) => key.text === name)
  if (has('overlay')) return 'overlay'
  if (has('rule_id') || has('applies_to') || has('emits')) return 'native'
  if (has('correlation')) return 'correlation'
  if (has('filter') && !has('detection')) return 'filter'
  return has('detection') || has('logsource') ? 'sigma' : 'unknown'
}

function textOf({ map }: RuleDocument, name: string): string | undefined {
  const value = map.entries.find(({ key }) => key.text === name)?.value
  const text = value?.kind === 'scalar' ? value.text.trim() : ''
  return text === '' ? undefined : text
}

function found<T>(value: T | undefined): readonly T[] {
  return value === undefined ? [] : [value]
}
