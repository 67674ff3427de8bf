import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Diagnostic, Parsed } from '../core/diagnostic.ts'
import { assert, messageOf } from '../core/error.ts'
import { envelope } from './envelope.ts'
import type { ParsedRecord, Source, SourceSet } from './source.ts'
import { compileSource } from './source-compile.ts'
import type { Definition } from './source-definition.ts'
import { type Diagnose, parseSourceFile } from './source-file.ts'

/** The sources that come with the product. Read and checked once. */
export function builtinSources(): SourceSet {
  if (builtin === undefined) {
    const loaded = loadSources([])
    assert(loaded.ok, 'the built-in sources must load')
    builtin = loaded.value
  }
  return builtin
}

let builtin: SourceSet | undefined
const builtinFolder = fileURLToPath(new URL('./sources/', import.meta.url))
const filesMax = 1_000
/** How long a chain of `extends` may be. */
const extendsMax = 8

/**
 * The built-in sources and those of the given folders (`*.yaml`, not recursive). A user's source of
 * a built-in name takes its place; users' sources are tried first.
 */
export function loadSources(folders: readonly string[]): Parsed<SourceSet> {
  const diagnostics: Diagnostic[] = []
  const own = folders.flatMap((folder) => readFolder(folder, diagnostics))
  const provided = readFolder(builtinFolder, diagnostics)
  const byName = new Map<string, Entry>()
  for (const entry of provided) byName.set(entry.definition.name, { ...entry, isOwn: false })
  for (const entry of own) {
    const { name } = entry.definition
    if (byName.get(name)?.isOwn === true || name === envelope.name) {
      diagnostics.push(entry.diagnose('duplicate-source', `\`${name}\` is taken`, 'name'))
    } else byName.set(name, { ...entry, isOwn: true })
  }
  const sources: { source: Source; priority: number; isOwn: boolean }[] = []
  for (const entry of byName.values()) {
    const definition = resolve(entry, byName, diagnostics)
    if (definition === undefined || definition.is_abstract) continue
    const { priority } = definition
    sources.push({ source: compileSource(definition), priority, isOwn: entry.isOwn })
  }
  if (diagnostics.length > 0) return { ok: false, diagnostics }
  sources.push({ source: envelope, priority: 0, isOwn: false })
  sources.sort((a, b) => Number(b.isOwn) - Number(a.isOwn) || a.priority - b.priority)
  return { ok: true, value: sourceSet(sources.map(({ source }) => source)), warnings: [] }
}

interface Entry {
  readonly definition: Definition
  readonly diagnose: Diagnose
  readonly isOwn: boolean
}

function readFolder(folder: string, diagnostics: Diagnostic[]): Entry[] {
  let names: string[]
  try {
    names = readdirSync(folder).filter((name) => /\.ya?ml$/.test(name) && !name.startsWith('.'))
  } catch (thrown) {
    diagnostics.push(fileProblem(folder, 'source-folder', messageOf(thrown)))
    return []
  }
  if (names.length > filesMax) {
    const message = `has ${names.length} files; at most ${filesMax} are read`
    diagnostics.push(fileProblem(folder, 'source-folder', message))
  }
  const entries: Entry[] = []
  for (const name of names.toSorted().slice(0, filesMax)) {
    const file = join(folder, name)
    let text: string
    try {
      text = readFileSync(file, 'utf8')
    } catch (thrown) {
      diagnostics.push(fileProblem(file, 'source-file', messageOf(thrown)))
      continue
    }
    const parsed = parseSourceFile(file, text)
    if (parsed.ok) entries.push({ ...parsed, isOwn: false })
    else diagnostics.push(...parsed.diagnostics)
  }
  return entries
}

function fileProblem(file: string, code: string, message: string): Diagnostic {
  return { severity: 'error', code, message, file, line: 0, column: 0 }
}

/** The definition with the members of those it extends. */
function resolve(
  entry: Entry,
  byName: ReadonlyMap<string, Entry>,
  diagnostics: Diagnostic[],
): Definition | undefined {
  const { definition, diagnose } = entry
  let merged = definition
  let parent = definition.extends
  for (let step = 0; parent !== undefined; step += 1) {
    const base = byName.get(parent)?.definition
    if (base === undefined || step >= extendsMax) {
      const message =
        base === undefined ? `there is no source \`${parent}\`` : 'extends itself, or too many'
      diagnostics.push(diagnose('source-extends', message, 'extends'))
      return undefined
    }
    merged = { ...base, ...merged }
    parent = base.extends
  }
  if (merged.is_abstract || merged.recognise !== undefined) return merged
  diagnostics.push(
    diagnose('source-recognise', 'needs `recognise`, or `is_abstract: true`', 'name'),
  )
  return undefined
}

/** Names of keys that a dead letter quotes when no source knows a record. */
const keysShownMax = 8
const keyCharsMax = 40

function sourceSet(sources: readonly Source[]): SourceSet {
  return {
    sources,
    read(record, at) {
      for (const source of sources) {
        if (source.recognises(record)) return source.read(record, at)
      }
      return { refused: 'unknown-source', reason: unknownReason(record) }
    },
  }
}

function unknownReason(record: ParsedRecord): string {
  const keys = Object.keys(record)
  const shown = keys.slice(0, keysShownMax).map((key) => `\`${key.slice(0, keyCharsMax)}\``)
  const more = keys.length > keysShownMax ? ', …' : ''
  return `no source recognises a record with the keys ${shown.join(', ') || '(none)'}${more}; send the native envelope, or add a source definition`
}
