import type { SqlServer } from './migrations.ts'

/** The tables of the current database as ClickHouse describes them, and what fills what. */
export interface SystemTable {
  readonly name: string
  readonly uuid: string
  readonly engine: string
  readonly createSql: string
  /** Of a view: its SELECT, with names qualified. */
  readonly selectSql: string
  /** Materialized views that see its inserts. */
  readonly dependents: readonly string[]
}

export async function readSystemTables(
  server: SqlServer,
): Promise<ReadonlyMap<string, SystemTable>> {
  const tables = await server.query<SystemTable>(
    `SELECT name, toString(uuid) AS uuid, engine, create_table_query AS createSql,
       as_select AS selectSql, dependencies_table AS dependents
     FROM system.tables WHERE database = currentDatabase()`,
  )
  return new Map(tables.map((table) => [table.name, table]))
}

const name = '(?:`(?:[^`\\\\]|\\\\.){1,256}`|[A-Za-z0-9_]{1,256})'
const createView = new RegExp(
  `^CREATE MATERIALIZED VIEW ${name}\\.${name} (REFRESH .{1,500}? )?TO (?:${name}\\.)?(${name})`,
)

/** The table that a materialized view fills: one of its own choice, or a hidden one. */
export function targetOf(view: SystemTable): string | undefined {
  if (view.engine !== 'MaterializedView') return undefined
  const target = createView.exec(view.createSql)?.[2]
  return target === undefined ? `.inner_id.${view.uuid}` : target.replaceAll('`', '')
}

/** Whether it is computed anew from time to time, instead of by every insert. */
export function isRefreshable(view: SystemTable): boolean {
  return new RegExp(`^CREATE MATERIALIZED VIEW ${name}\\.${name} REFRESH `).test(view.createSql)
}
