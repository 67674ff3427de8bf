import { readdirSync, readFileSync, statSync } from 'node:fs'
import { extname, join, relative } from 'node:path'
import type { Views } from '../core/clickhouse.ts'
import { ConfigError } from '../core/error.ts'

/**
 * Where text files name techniques and tactics: rules and their samples, mapping tables, tests, code.
 * Found by the text, so that a rule which no longer loads is found too.
 */
export interface AttackUse {
  readonly id: string
  /** Relative to the folder where it reads shorter. */
  readonly file: string
  readonly line: number
}

const extensions = new Set(['.yaml', '.yml', '.ts', '.sql', '.json', '.ndjson', '.csv', '.md'])
const skipped = new Set(['node_modules', '.git', 'dist', 'attack'])
const filesMax = 50_000
const fileBytesMax = 4 << 20
const depthMax = 12
/** Sigma writes `attack.t1059.001`; longer words such as hashes are none. */
const idPattern = /(?<![A-Za-z0-9_-])(?:T\d{4}(?:\.\d{3})?|TA\d{4})(?![A-Za-z0-9])/gi

/** In the order of files and lines; each id once a line. Throws `ConfigError` for a folder that is not there. */
export function findAttackUses(
  folders: readonly string[],
  ids: ReadonlySet<string>,
): readonly AttackUse[] {
  if (ids.size === 0) return []
  const files = new Set<string>()
  for (const folder of folders) listFiles(folder, files, 0)
  return [...files].toSorted().flatMap((file) => usesIn(file, ids))
}

/** What the store knows that names a technique: a mapping of a detection asset, or a test. */
export interface StoredUse {
  readonly id: string
  readonly kind: 'mapping' | 'test'
  /** The asset or the test. */
  readonly of: string
}

/** As of `atS`, epoch seconds; mappings first, each in order. Throws what the views throw. */
export async function findStoredUses(
  views: Views,
  ids: ReadonlySet<string>,
  atS: number,
): Promise<readonly StoredUse[]> {
  const mappings = await views.select<{ technique_id: string; asset_id: string }>(
    'detection_state',
    { at_s: atS },
  )
  const tests = await views.select<{ technique_id: string | null; test_id: string }>('test_state', {
    at_s: atS,
  })
  const found: StoredUse[] = [
    ...mappings.map((row) => ({
      id: row.technique_id,
      kind: 'mapping' as const,
      of: row.asset_id,
    })),
    ...tests.map((row) => ({ id: row.technique_id ?? '', kind: 'test' as const, of: row.test_id })),
  ]
  const keyOf = (use: StoredUse) => `${use.kind} ${use.id} ${use.of}`
  return found.filter((use) => ids.has(use.id)).toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))
}

function listFiles(path: string, into: Set<string>, depth: number): void {
  const stat = statSync(path, { throwIfNoEntry: false })
  if (stat === undefined) {
    if (depth > 0) return
    throw new ConfigError('folder-missing', `${path} is not there.`)
  }
  if (stat.isFile()) {
    if (extensions.has(extname(path)) && stat.size <= fileBytesMax) into.add(path)
    if (into.size > filesMax) {
      throw new ConfigError(
        'too-many-files',
        `${path}: more than ${filesMax} files; name smaller folders.`,
      )
    }
    return
  }
  if (!stat.isDirectory() || depth > depthMax) return
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    // A link may lead in a circle, or out of the folder.
    if (entry.isSymbolicLink() || skipped.has(entry.name)) continue
    listFiles(join(path, entry.name), into, depth + 1)
  }
}

function usesIn(file: string, ids: ReadonlySet<string>): AttackUse[] {
  const lines = readFileSync(file, 'utf8').split('\n')
  const here = relative(process.cwd(), file)
  const shown = here.startsWith('..') ? file : here
  return lines.flatMap((line, index) => {
    const named = new Set([...line.matchAll(idPattern)].map(([id]) => id.toUpperCase()))
    return [...named]
      .filter((id) => ids.has(id))
      .map((id) => ({ id, file: shown, line: index + 1 }))
  })
}
