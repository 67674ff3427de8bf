import { ConfigError } from './error.ts'
import type { SqlServer } from './migrations.ts'
import { isRefreshable, readSystemTables, type SystemTable, targetOf } from './system-tables.ts'

/**
 * Fills a materialized view from all that its source holds: for a view that was made after the data,
 * and for one whose content is in doubt.
 *
 * The target is computed anew beside the old one, from every view that fills it, and the two change
 * places at once: a run that is cut off leaves the old content, and can be repeated.
 *
 * Contract: no engine runs, and the last one was stopped in good order. What is inserted meanwhile
 * would be missing (it is noticed, and nothing is changed); and the new target has not seen the
 * tokens of earlier inserts, so a block that is still to be repeated would count twice: the caller's
 * `beforeChange` waits for it.
 */
export interface Backfill {
  readonly target: string
  /** All views that fill the target. */
  readonly views: readonly string[]
  readonly rows: number
}

/** `beforeChange` is awaited before anything is read or made; when it rejects, nothing was changed. */
export async function backfillView(
  server: SqlServer,
  view: string,
  beforeChange: () => Promise<void> = async () => {},
): Promise<Backfill> {
  const tables = await readSystemTables(server)
  const target = targetOf(checkedView(tables, view))
  if (target === undefined) throw new ConfigError('backfill-no-target', `${view} fills no table`)
  const views = [...tables.values()].filter((table) => targetOf(table) === target)
  for (const one of views) checkedView(tables, one.name)
  await beforeChange()
  const sources = [...tables.values()].filter(({ dependents }) =>
    views.some((one) => dependents.includes(one.name)),
  )
  const fresh = `${target}__backfill`
  await server.command(`DROP TABLE IF EXISTS ${quoted(fresh)} SYNC`)
  await server.command(`CREATE TABLE ${quoted(fresh)} AS ${quoted(target)}`)
  const before = await countRows(server, sources)
  for (const one of views) await fill(server, fresh, one)
  const after = await countRows(server, sources)
  if (before !== after) {
    await server.command(`DROP TABLE ${quoted(fresh)} SYNC`)
    const names = sources.map((source) => source.name).join(', ')
    const why = `${view}: rows came into ${names} meanwhile. Stop every engine, then backfill again`
    throw new ConfigError('backfill-not-quiet', why, { details: { before, after } })
  }
  await server.command(`EXCHANGE TABLES ${quoted(target)} AND ${quoted(fresh)}`)
  await server.command(`DROP TABLE ${quoted(fresh)} SYNC`)
  const [counted] = await server.query<{ rows: number }>(
    `SELECT count() AS rows FROM ${quoted(target)}`,
  )
  return { target, views: views.map((one) => one.name), rows: Number(counted?.rows ?? 0) }
}

function checkedView(tables: ReadonlyMap<string, SystemTable>, name: string): SystemTable {
  const view = tables.get(name)
  if (view === undefined || view.engine !== 'MaterializedView') {
    const known = [...tables.values()].filter((table) => table.engine === 'MaterializedView')
    const list = known
      .map((table) => table.name)
      .sort()
      .join(', ')
    throw new ConfigError(
      'backfill-no-view',
      `${name} is not a materialized view; there are: ${list}`,
    )
  }
  if (isRefreshable(view)) {
    const why = `${name} computes itself anew: use SYSTEM REFRESH VIEW ${name}`
    throw new ConfigError('backfill-refreshable', why)
  }
  return view
}

/** A view puts values into its target by name, an INSERT … SELECT by position. */
async function fill(server: SqlServer, into: string, view: SystemTable): Promise<void> {
  const columns = await server.query<{ name: string }>(`DESCRIBE TABLE (${view.selectSql})`)
  const list = columns.map((column) => quoted(column.name)).join(', ')
  await server.command(`INSERT INTO ${quoted(into)} (${list}) SELECT * FROM (${view.selectSql})`)
}

async function countRows(server: SqlServer, tables: readonly SystemTable[]): Promise<number> {
  const counts = tables.map((table) => `(SELECT count() FROM ${quoted(table.name)})`)
  const [row] = await server.query<{ rows: number }>(
    `SELECT ${[...counts, '0'].join(' + ')} AS rows`,
  )
  return Number(row?.rows ?? 0)
}

function quoted(name: string): string {
  return `\`${name.replaceAll('\\', '\\\\').replaceAll('`', '\\`')}\``
}
