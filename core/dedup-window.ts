import { ConfigError } from './error.ts'
import type { SqlServer } from './migrations.ts'

/**
 * A repeated insert is dropped only by a table that remembers the tokens of earlier ones, and a view
 * behind it only by a window of its own. So every table that the engine inserts into, and every
 * table that a materialized view fills from there, however long the chain, must have a window.
 */
export async function checkDedupWindows(
  server: SqlServer,
  tables: readonly string[],
  options: { windowMin?: number } = {},
): Promise<void> {
  const windowMin = options.windowMin ?? 1
  const catalogue = await readCatalogue(server)
  const faults: string[] = []
  const seen = new Set<string>()
  const queue = tables.map((name) => ({ name, via: 'the engine inserts into it' }))
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    if (seen.has(next.name)) continue
    seen.add(next.name)
    const table = catalogue.tables.get(next.name)
    if (table === undefined) {
      faults.push(`${next.name}: there is no such table (${next.via})`)
      continue
    }
    const fault = faultOf(table, catalogue, windowMin)
    if (fault !== undefined) faults.push(`${next.name}: ${fault} (${next.via})`)
    for (const name of table.dependents) {
      const view = catalogue.tables.get(name)
      const target = view === undefined ? undefined : targetOf(view)
      if (target !== undefined) queue.push({ name: target, via: `filled by ${name}` })
    }
  }
  if (faults.length === 0) return
  const what = faults.join('; ')
  throw new ConfigError(
    'dedup-window-missing',
    `A repeated block would be counted twice: ${what}. Set non_replicated_deduplication_window (ALTER TABLE … MODIFY SETTING)`,
    { details: { faults } },
  )
}

interface Table {
  readonly name: string
  readonly uuid: string
  readonly engine: string
  readonly createSql: string
  /** Materialized views that see its inserts. */
  readonly dependents: readonly string[]
}

interface Catalogue {
  readonly tables: ReadonlyMap<string, Table>
  /** Of tables that do not set the window themselves, by setting. */
  readonly windows: ReadonlyMap<string, number>
}

async function readCatalogue(server: SqlServer): Promise<Catalogue> {
  const tables = await server.query<Table>(
    `SELECT name, toString(uuid) AS uuid, engine, create_table_query AS createSql,
       dependencies_table AS dependents
     FROM system.tables WHERE database = currentDatabase()`,
  )
  const windows = await server.query<{ name: string; value: string }>(
    `SELECT name, value FROM system.merge_tree_settings
     WHERE name IN ('${plainWindow}', '${replicatedWindow}')`,
  )
  return {
    tables: new Map(tables.map((table) => [table.name, table])),
    windows: new Map(windows.map(({ name, value }) => [name, Number(value)])),
  }
}

const plainWindow = 'non_replicated_deduplication_window'
const replicatedWindow = 'replicated_deduplication_window'

function faultOf(table: Table, { windows }: Catalogue, windowMin: number): string | undefined {
  // A Null table keeps nothing: the token goes through it to the views behind.
  if (table.engine === 'Null') return undefined
  if (!table.engine.endsWith('MergeTree')) return `a ${table.engine} table has no window`
  const isReplicated = /^(Replicated|Shared)/.test(table.engine)
  const setting = isReplicated ? replicatedWindow : plainWindow
  const own = new RegExp(`\\b${setting} = (\\d+)`).exec(table.createSql)?.[1]
  const window = own === undefined ? (windows.get(setting) ?? 0) : Number(own)
  return window >= windowMin ? undefined : `${setting} is ${window}, less than ${windowMin}`
}

/** `CREATE MATERIALIZED VIEW db.name TO db.target …`, or a hidden table of the view's own. */
function targetOf(view: Table): string | undefined {
  if (view.engine !== 'MaterializedView') return undefined
  const name = '(?:`(?:[^`\\\\]|\\\\.){1,256}`|[A-Za-z0-9_]{1,256})'
  const to = new RegExp(`^CREATE MATERIALIZED VIEW ${name}\\.${name} TO (?:${name}\\.)?(${name})`)
  const target = to.exec(view.createSql)?.[1]
  return target === undefined ? `.inner_id.${view.uuid}` : target.replaceAll('`', '')
}
