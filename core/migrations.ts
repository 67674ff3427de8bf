import { ConfigError, messageOf } from './error.ts'
import { isView, type SqlFile, type SqlFiles } from './sql-files.ts'
import { literal } from './sql-literal.ts'

/**
 * Brings a database to the state that `views/` describes.
 *
 * Contract:
 * - Tables and rollups are made once. They hold data, so one whose file has changed since is refused
 *   unless a migration that has not run yet says `-- changes: tables/that.sql`.
 * - Migrations run once each, by number, before the folders, and only on a database that is older
 *   than they are: a new database is made in the present state and has them recorded as done.
 * - Views (reads, v1) hold nothing: when anything has changed all of them are made anew, in order, because a
 *   view keeps the columns that its sources had when it was made.
 * - What has been applied is in `schema_migrations`. A run that was cut off is continued by the
 *   next; so every statement must bear being run twice (IF NOT EXISTS, OR REPLACE).
 * - One run at a time, while no engine writes.
 */
export interface SqlServer {
  /** Runs one statement. */
  command(sql: string): Promise<void>
  /** The rows of a SELECT, as objects. */
  query<Row>(sql: string): Promise<Row[]>
}

export interface Step {
  /** `record`: nothing to run, the database has it already. */
  readonly action: 'migrate' | 'create' | 'replace' | 'record'
  readonly file: SqlFile
  readonly reason: string
}

/** What `migrate` would do, in order. Throws ConfigError for a change that no migration covers. */
export async function planMigration(server: SqlServer, files: SqlFiles): Promise<Step[]> {
  return plan(await appliedFiles(server), files)
}

/**
 * Applies what is missing and returns it. `version` is the program's, kept for the record.
 * `onStep` hears of a step before it is run.
 * `beforeChange` is awaited before the first step, if tables or rollups are to be made or changed;
 * when it rejects, none has been.
 */
export async function migrate(
  server: SqlServer,
  files: SqlFiles,
  options: {
    version: string
    onStep?: (step: Step) => void
    beforeChange?: (() => Promise<void>) | undefined
  },
): Promise<Step[]> {
  await server.command(createSchemaMigrations)
  const steps = await planMigration(server, files)
  if (steps.some(isChange)) await options.beforeChange?.()
  const record = (done: readonly SqlFile[]) => server.command(recordFiles(done, options.version))
  for (const step of steps.filter(({ file }) => !isView(file))) {
    options.onStep?.(step)
    if (step.action !== 'record') await run(server, step.file)
    await record([step.file])
  }
  const reads = steps.filter(({ file }) => isView(file))
  for (const step of reads) {
    options.onStep?.(step)
    await run(server, step.file)
  }
  if (reads.length > 0) await record(reads.map(({ file }) => file))
  return steps
}

/** Reads hold no data, and what is only recorded is there. */
function isChange({ action, file }: Step): boolean {
  return action !== 'record' && !isView(file)
}

/** Made by the first run: so it cannot be one of the files. */
const createSchemaMigrations = `
CREATE TABLE IF NOT EXISTS schema_migrations (
    file String,
    sha256 String,
    applied_at DateTime64(6, 'UTC') DEFAULT now64(6),
    version String
)
ENGINE = MergeTree
ORDER BY (file, applied_at)`

/** File → hash of its text when it was last applied. */
type Applied = ReadonlyMap<string, string>

function plan(applied: Applied, files: SqlFiles): Step[] {
  const isNew = applied.size === 0
  const steps: Step[] = []
  const covered = new Set<string>()
  for (const file of files.migrations) {
    const before = applied.get(file.path)
    if (before === undefined) {
      const reason = isNew ? 'the database is new and has this already' : 'not yet applied'
      steps.push({ action: isNew ? 'record' : 'migrate', file, reason })
      for (const changed of file.changes) covered.add(changed)
    } else if (before !== file.sha256) {
      const why = `${file.path} was applied and has been edited since: restore it and add a new migration`
      throw new ConfigError('sql-migration-edited', why, { details: { file: file.path } })
    }
  }
  const refused: string[] = []
  for (const file of files.objects.filter((object) => !isView(object))) {
    const before = applied.get(file.path)
    if (before === undefined) steps.push({ action: 'create', file, reason: 'not yet applied' })
    else if (before !== file.sha256) {
      if (!covered.has(file.path)) refused.push(file.path)
      steps.push({ action: 'record', file, reason: 'brought about by a migration' })
    }
  }
  if (refused.length > 0) throw unmigrated(refused)
  return [...steps, ...planReads(applied, files, steps.length > 0)]
}

function planReads(applied: Applied, files: SqlFiles, isBelowChanged: boolean): Step[] {
  const reads = files.objects.filter(isView)
  const isChanged = reads.some((file) => applied.get(file.path) !== file.sha256)
  if (!isChanged && !isBelowChanged) return []
  return reads.map((file) => {
    const before = applied.get(file.path)
    if (before === undefined) return { action: 'create', file, reason: 'not yet applied' }
    const reason = before === file.sha256 ? 'something it may read has changed' : 'changed'
    return { action: 'replace', file, reason }
  })
}

function unmigrated(paths: readonly string[]): ConfigError {
  const list = paths.join(', ')
  return new ConfigError(
    'sql-changed',
    `${list} changed after it was applied. A table keeps its data: add views/migrations/NNNN-name.sql ` +
      `with a header line \`-- changes: ${list}\` and the statements that bring an existing database there`,
    { details: { files: paths } },
  )
}

async function appliedFiles(server: SqlServer): Promise<Applied> {
  const [table] = await server.query<{ known: number }>(
    "SELECT toUInt8(count() > 0) AS known FROM system.tables WHERE database = currentDatabase() AND name = 'schema_migrations'",
  )
  if (table === undefined || Number(table.known) === 0) return new Map()
  const rows = await server.query<{ file: string; sha256: string }>(
    'SELECT file, argMax(sha256, applied_at) AS sha256 FROM schema_migrations GROUP BY file',
  )
  return new Map(rows.map((row) => [row.file, row.sha256]))
}

async function run(server: SqlServer, file: SqlFile): Promise<void> {
  for (const [index, statement] of file.statements.entries()) {
    try {
      await server.command(statement)
    } catch (cause) {
      const where = `${file.path}, statement ${index + 1} of ${file.statements.length}`
      throw new ConfigError('sql-failed', `${where}: ${messageOf(cause)}`, {
        details: { file: file.path, statement },
        cause,
      })
    }
  }
}

/** INSERT … SELECT: the server would let an INSERT … VALUES wait to be collected with others. */
function recordFiles(files: readonly SqlFile[], version: string): string {
  const rows = files.map(
    ({ path, sha256 }) => `(${[path, sha256, version].map(literal).join(', ')})`,
  )
  const types = "'file String, sha256 String, version String'"
  return `INSERT INTO schema_migrations (file, sha256, version) SELECT * FROM values(${types}, ${rows.join(', ')})`
}
