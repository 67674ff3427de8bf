import type { Report } from './report.ts'
import type { YamlEntry, YamlMap } from './yaml.ts'

/** A document of a file, with what `action:` documents added to it. */
export interface RuleDocument {
  readonly map: YamlMap
  /** The text that it was made from. */
  readonly text: string
}

/**
 * Sigma's collections: `action: global` is a template for the documents after it, `reset` ends it,
 * `repeat` is the previous rule with changes. What a document says itself wins over the template.
 */
export function expandCollection(
  report: Report,
  maps: readonly YamlMap[],
): readonly RuleDocument[] {
  const [only] = maps
  if (maps.length === 1 && only !== undefined) {
    return actionOf(only) === undefined
      ? [{ map: only, text: report.text }]
      : oneAction(report, only)
  }
  const documents: RuleDocument[] = []
  let template: RuleDocument | undefined
  let previous: RuleDocument | undefined
  for (const map of maps) {
    const own = { map: withoutAction(map), text: report.text.slice(map.start, map.end) }
    const action = actionOf(map)
    if (action === 'global') {
      template = template === undefined ? own : merged(template, own)
    } else if (action === 'reset') {
      template = undefined
    } else if (action === 'repeat' || action === undefined) {
      const base: RuleDocument | undefined = action === undefined ? template : previous
      previous = base === undefined ? own : merged(base, own)
      documents.push(previous)
    } else {
      const entry = map.entries.find(({ key }) => key.text === 'action')
      const note = 'it is global, reset or repeat'
      report.error('collection-action', `\`${action}\` is not an action`, entry?.value ?? map, note)
    }
  }
  return documents
}

function oneAction(report: Report, map: YamlMap): readonly RuleDocument[] {
  const note = 'remove `action`, or add the documents it is for'
  report.error('collection-action', 'a collection of one document has no rules', map, note)
  return []
}

function actionOf(map: YamlMap): string | undefined {
  const value = map.entries.find(({ key }) => key.text === 'action')?.value
  return value?.kind === 'scalar' ? value.text : undefined
}

function withoutAction(map: YamlMap): YamlMap {
  return { ...map, entries: map.entries.filter(({ key }) => key.text !== 'action') }
}

function merged(base: RuleDocument, own: RuleDocument): RuleDocument {
  return { map: mergedMap(base.map, own.map), text: `${base.text}\n${own.text}` }
}

function mergedMap(base: YamlMap, own: YamlMap): YamlMap {
  const entries = new Map<string, YamlEntry>(base.entries.map((entry) => [entry.key.text, entry]))
  for (const entry of own.entries) {
    const under = entries.get(entry.key.text)
    const isDeep = under?.value.kind === 'map' && entry.value.kind === 'map'
    const value =
      isDeep && under.value.kind === 'map' && entry.value.kind === 'map'
        ? mergedMap(under.value, entry.value)
        : entry.value
    entries.set(entry.key.text, { key: entry.key, value })
  }
  return { ...own, entries: [...entries.values()] }
}
