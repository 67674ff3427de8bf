import { ConfigError } from './error.ts'
import type { SqlServer } from './migrations.ts'
import { readSystemTables, type SystemTable, targetOf } from './system-tables.ts'

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

interface Catalogue {
  readonly tables: ReadonlyMap<string, SystemTable>
  /** Of tables that do not set the window themselves, by setting. */
  readonly windows: ReadonlyMap<string, number>
}

async function readCatalogue(server: SqlServer): Promise<Catalogue> {
  const tables = await readSystemTables(server)
  const windows = await server.query<{ name: string; value: string }>(
    `SELECT name, value FROM system.merge_tree_settings
     WHERE name IN ('${plainWindow}', '${replicatedWindow}')`,
  )
  return {
    tables,
    windows: new Map(windows.map(({ name, value }) => [name, Number(value)])),
  }
}

const plainWindow = 'non_replicated_deduplication_window'
const replicatedWindow = 'replicated_deduplication_window'

function faultOf(
  table: SystemTable,
  { windows }: Catalogue,
  windowMin: number,
): string | undefined {
  // A Null table keeps nothing: the token goes through it to the views behind.
  if (table.engine === 'Null') return undefined
  if (!table.engine.endsWith('MergeTree')) return `a ${table.engine} table has no window`
  const isReplicated = /^(Replicated|Shared)/.test(table.engine)
  const setting = isReplicated ? replicatedWindow : plainWindow
  const own = new RegExp(`\\b${setting} = (\\d+)`).exec(table.createSql)?.[1]
  const window = own === undefined ? (windows.get(setting) ?? 0) : Number(own)
  return window >= windowMin ? undefined : `${setting} is ${window}, less than ${windowMin}`
}
