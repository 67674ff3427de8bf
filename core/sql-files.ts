import { readdir, readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { ConfigError } from './error.ts'
import { sha256Hex } from './hash.ts'
import { inlineViews } from './inline-views.ts'

/**
 * The SQL files of `views/`, in the order in which they can be applied.
 *
 * Folders come in the order of `folders`. Within one the order is alphabetical, except that a header
 * line `-- after: other, another` puts a file behind the files of those names, and `-- inlines: other` behind a view
 * that is then written out where it is called. A statement ends with a `;` at the end of a line.
 * `migrations/NNNN-name.sql` are in the order of their numbers.
 */
export const folders = ['tables', 'rollups', 'reads', 'v1'] as const
export type Folder = (typeof folders)[number]

/** Views hold nothing: they can be made anew at any time. `v1` are those that others rely on. */
export function isView(file: SqlFile): boolean {
  return file.folder === 'reads' || file.folder === 'v1'
}

export interface SqlFile {
  /** `tables/tags.sql`: the identity of the file in `schema_migrations`. */
  readonly path: string
  readonly folder: Folder | 'migrations'
  readonly statements: readonly string[]
  /** Of the statements without their comments and indentation: a better comment changes nothing. */
  readonly sha256: string
  /** Of a migration: the files whose present text it brings an older database to. */
  readonly changes: readonly string[]
}

export interface SqlFiles {
  readonly migrations: readonly SqlFile[]
  /** Tables, rollups, reads, each behind what it needs. */
  readonly objects: readonly SqlFile[]
}

/** Throws ConfigError for a name in a header that is not there, and for cycles. */
export async function readSqlFiles(root: string): Promise<SqlFiles> {
  const objects: SqlFile[] = []
  const earlier = new Set<string>()
  const texts = new Map<string, string>()
  for (const folder of folders) {
    const drafts = await readFolder(root, folder)
    objects.push(...ordered(drafts, earlier).map((draft) => finished(inlined(draft, texts))))
    for (const draft of drafts) earlier.add(nameOf(draft))
  }
  const known = new Set(objects.map((file) => file.path))
  const migrations = (await readFolder(root, 'migrations')).map(finished)
  for (const [index, migration] of migrations.entries()) {
    checkMigration(migration, known)
    const before = migrations[index - 1]
    if (before !== undefined && numberOf(before) === numberOf(migration)) {
      const why = `${before.path} and ${migration.path} have one number; give the newer one the next`
      throw new ConfigError('sql-migration-number', why)
    }
  }
  return { migrations, objects }
}

/** The statements of a file's text; comments stay with the statement they stand before. */
export function splitStatements(text: string): string[] {
  const statements: string[] = []
  let lines: string[] = []
  const finish = () => {
    if (bare(lines.join('\n')) !== '') statements.push(lines.join('\n').trim())
    lines = []
  }
  for (const line of text.split(/\r?\n/)) {
    const code = isComment(line) ? '' : line.trimEnd()
    if (code.endsWith(';')) {
      lines.push(code.slice(0, -1))
      finish()
    } else lines.push(line)
  }
  finish()
  return statements
}

interface Draft extends Omit<SqlFile, 'sha256'> {
  readonly after: readonly string[]
  readonly inlines: readonly string[]
}

/** With the views that it inlines written out; `texts` are those before it, to which its own is added. */
function inlined(draft: Draft, texts: Map<string, string>): Draft {
  const { path, inlines } = draft
  const statements = draft.statements.map((sql) => inlineViews(path, sql, inlines, texts))
  texts.set(nameOf(draft), bare(statements[0] ?? ''))
  return { ...draft, statements }
}

function finished({ after: _, inlines: __, ...file }: Draft): SqlFile {
  return { ...file, sha256: sha256Hex(file.statements.map(bare).join(';\n')) }
}

async function readFolder(root: string, folder: SqlFile['folder']): Promise<Draft[]> {
  const names = await readdir(join(root, folder)).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return []
    throw error
  })
  const drafts: Draft[] = []
  for (const name of names.filter((name) => name.endsWith('.sql')).sort()) {
    const text = await readFile(join(root, folder, name), 'utf8')
    const inlines = headerList(text, 'inlines')
    drafts.push({
      path: `${folder}/${name}`,
      folder,
      statements: splitStatements(text),
      changes: headerList(text, 'changes'),
      after: [...headerList(text, 'after'), ...inlines],
      inlines,
    })
  }
  return drafts
}

/** The files in alphabetical order, each preceded by the files it comes after. */
function ordered(drafts: readonly Draft[], earlier: ReadonlySet<string>): Draft[] {
  const byName = new Map(drafts.map((draft) => [nameOf(draft), draft]))
  const done = new Set<string>()
  const result: Draft[] = []
  const place = (draft: Draft, path: readonly string[]) => {
    const name = nameOf(draft)
    if (done.has(name)) return
    if (path.includes(name)) {
      const cycle = [...path.slice(path.indexOf(name)), name].join(' → ')
      throw new ConfigError('sql-cycle', `${draft.path}: \`-- after:\` goes in a circle: ${cycle}`)
    }
    for (const needed of draft.after) {
      const other = byName.get(needed)
      if (other !== undefined) place(other, [...path, name])
      else if (!earlier.has(needed)) {
        const where = `${draft.folder}/ or a folder before it`
        const why = `${draft.path}: \`-- after: ${needed}\`: there is no ${needed}.sql in ${where}`
        throw new ConfigError('sql-after-unknown', why)
      }
    }
    done.add(name)
    result.push(draft)
  }
  for (const draft of drafts) place(draft, [])
  return result
}

function numberOf({ path }: SqlFile): string {
  return path.slice('migrations/'.length, 'migrations/NNNN'.length)
}

function checkMigration({ path, changes }: SqlFile, known: ReadonlySet<string>): void {
  if (!/^migrations\/\d{4}-[a-z0-9-]+\.sql$/.test(path)) {
    throw new ConfigError('sql-migration-name', `${path}: a migration is called NNNN-name.sql`)
  }
  const unknown = changes.filter((file) => !known.has(file))
  if (unknown.length > 0) {
    const why = `${path}: \`-- changes: ${unknown.join(', ')}\`: there is no such file`
    throw new ConfigError('sql-changes-unknown', why)
  }
}

function nameOf(file: Pick<SqlFile, 'path'>): string {
  return basename(file.path, '.sql')
}

/** The names in the lines `-- key: a, b` of the comment at the head of a file. */
function headerList(text: string, key: string): string[] {
  const names: string[] = []
  for (const line of text.split(/\r?\n/)) {
    if (line.trim() !== '' && !isComment(line)) break
    const list = line.trim().match(/^--\s*([a-z]+):(.*)$/)
    if (list?.[1] === key) names.push(...(list[2] ?? '').split(/[\s,]+/))
  }
  return names.filter((name) => name !== '')
}

function isComment(line: string): boolean {
  return line.trimStart().startsWith('--')
}

function bare(text: string): string {
  return text
    .split('\n')
    .filter((line) => !isComment(line))
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .join('\n')
}
