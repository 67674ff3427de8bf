import { canonicalJson, sha256Hex } from './hash.ts'
import type { SqlServer } from './migrations.ts'
import { literal } from './sql-literal.ts'
import { isRefreshable, readSystemTables, targetOf } from './system-tables.ts'

/**
 * Forgets somebody in every table of the database, those behind views too (G7).
 *
 * Rows about the subject are deleted, or keep their place under a pseudonym; where other rows mention
 * the subject, in a text or a list, the mention is replaced as a whole word. Tables are found in the
 * database itself, so one that is added later is covered. Tables that views make anew from time to time
 * are made anew from what is left.
 *
 * Contract: afterwards `tablesHolding` is empty. A run that was cut off can be repeated. Counts by day
 * that name nobody stay as they were reported.
 */
export interface ErasedSubject {
  readonly kind: 'identity_id' | 'attacker_id' | 'user'
  /** All that the id is known by in rows, such as an account with and without its domain. */
  readonly names: readonly string[]
  readonly mode: 'remove' | 'hash'
  /** What stands in the id's place: letters, digits and dashes. */
  readonly replacement: string
}

export interface ErasedTable {
  readonly table: string
  /** Rows about the subject, or with the id in the table's key. */
  readonly about: number
  /** Other rows that mention it. */
  readonly mentions: number
}

/** Only counts with `isDryRun`; else deletes and replaces, and waits until it is done. */
export async function eraseSubject(
  server: SqlServer,
  subject: ErasedSubject,
  options: { isDryRun: boolean; onTable?: (table: ErasedTable) => void },
): Promise<readonly ErasedTable[]> {
  const erased: ErasedTable[] = []
  const refreshed = await readRefreshed(server)
  for (const table of await readTables(server)) {
    const plan = planTable(table, subject)
    const [count] = await server.query<{ about: number; mentions: number }>(
      `SELECT countIf(${plan.about}) AS about, countIf(NOT (${plan.about}) AND (${plan.holds})) AS mentions
       FROM ${quoted(table.name)}`,
    )
    const result = {
      table: table.name,
      about: Number(count?.about ?? 0),
      mentions: Number(count?.mentions ?? 0),
    }
    if (result.about + result.mentions === 0) continue
    erased.push(result)
    if (!options.isDryRun && !refreshed.has(table.name)) {
      await eraseTable(server, table, plan, subject)
    }
    options.onTable?.(result)
  }
  if (!options.isDryRun && erased.length > 0) {
    for (const view of refreshed.values()) {
      await server.command(`SYSTEM REFRESH VIEW ${quoted(view)}`)
      await server.command(`SYSTEM WAIT VIEW ${quoted(view)}`)
    }
  }
  return erased
}

/** Table → the view that makes it anew. */
async function readRefreshed(server: SqlServer): Promise<ReadonlyMap<string, string>> {
  const views = [...(await readSystemTables(server)).values()].filter(isRefreshable)
  return new Map(views.map((view) => [targetOf(view) ?? '', view.name]))
}

/** Tables in which the id is still found. */
export async function tablesHolding(
  server: SqlServer,
  subject: ErasedSubject,
): Promise<readonly string[]> {
  const found = await eraseSubject(server, subject, { isDryRun: true })
  return found.map(({ table }) => table)
}

interface Column {
  readonly name: string
  readonly type: string
  readonly isKey: boolean
  readonly isComputed: boolean
}

interface Table {
  readonly name: string
  readonly hasDependents: boolean
  readonly columns: readonly Column[]
}

/** Say what a row is, not whom it is about: a user called `system` is no log source. */
const structural = new Set(
  (
    'log topic kind op source product service category source_kind entity_kind tactic tactics ' +
    'technique_id sub_technique_id technique_ids severity rule_id rule_version rule_hash logic_hash ' +
    'rule_system rule_name attack_release code value_sha256 state status verdict cleared asset_id ' +
    'store revision dropped platform asset_type tag_id outcome detection_result'
  ).split(' '),
)

async function readTables(server: SqlServer): Promise<readonly Table[]> {
  const rows = await server.query<{
    table: string
    name: string
    type: string
    is_key: number
    default_kind: string
    dependents: number
  }>(`SELECT c.table AS table, c.name AS name, c.type AS type,
        toUInt8(c.is_in_sorting_key OR c.is_in_partition_key) AS is_key, c.default_kind AS default_kind,
        toUInt8(length(t.dependencies_table) > 0) AS dependents
      FROM system.columns AS c
      INNER JOIN system.tables AS t ON t.database = c.database AND t.name = c.table
      WHERE c.database = currentDatabase() AND t.engine LIKE '%MergeTree'
        AND t.name NOT IN ('store', 'schema_migrations') AND t.name NOT LIKE 'attack\\_%'
      ORDER BY c.table, c.position`)
  const tables = new Map<string, { name: string; hasDependents: boolean; columns: Column[] }>()
  for (const row of rows) {
    const table = tables.get(row.table) ?? {
      name: row.table,
      hasDependents: Number(row.dependents) === 1,
      columns: [],
    }
    table.columns.push({
      name: row.name,
      type: row.type,
      isKey: Number(row.is_key) === 1,
      isComputed: row.default_kind === 'MATERIALIZED' || row.default_kind === 'ALIAS',
    })
    tables.set(row.table, table)
  }
  return [...tables.values()].filter((table) => textColumns(table).length > 0)
}

interface Plan {
  /** SQL conditions on a row. */
  readonly about: string
  readonly holds: string
}

function planTable(table: Table, subject: ErasedSubject): Plan {
  const columns = textColumns(table)
  const isAbout = columns
    .filter(({ name, isKey }) => name === subject.kind || isKey)
    .map((column) => (column.isKey ? holds(column, subject) : isExactly(column, subject)))
  return {
    about: isAbout.length === 0 ? 'false' : isAbout.join(' OR '),
    holds: columns.map((column) => holds(column, subject)).join(' OR '),
  }
}

async function eraseTable(
  server: SqlServer,
  table: Table,
  plan: Plan,
  subject: ErasedSubject,
): Promise<void> {
  const name = quoted(table.name)
  const columns = textColumns(table)
  const keys = columns.filter(({ isKey }) => isKey)
  const keyHolds = keys.map((column) => holds(column, subject)).join(' OR ')
  // A key cannot be changed in place; where views would count a copy again, the row goes.
  if (subject.mode === 'hash' && keys.length > 0 && !table.hasDependents) {
    await copyUnderPseudonym(server, table, keyHolds, subject)
  }
  const gone = subject.mode === 'remove' ? plan.about : keyHolds
  if (gone !== '' && gone !== 'false') {
    await server.command(`ALTER TABLE ${name} DELETE WHERE ${gone} SETTINGS mutations_sync = 2`)
  }
  const updates = columns
    .filter(({ isKey }) => !isKey)
    .map((column) => `${quoted(column.name)} = ${replaced(column, subject)}`)
  if (updates.length === 0) return
  await server.command(
    `ALTER TABLE ${name} UPDATE ${updates.join(', ')} WHERE ${plan.holds} SETTINGS mutations_sync = 2`,
  )
}

/** The token is made of the rows: a run that is repeated does not copy them twice. */
async function copyUnderPseudonym(
  server: SqlServer,
  table: Table,
  where: string,
  subject: ErasedSubject,
): Promise<void> {
  const stored = table.columns.filter(({ isComputed }) => !isComputed)
  const names = stored.map(({ name }) => quoted(name))
  const from = `FROM ${quoted(table.name)} WHERE ${where}`
  const [content] = await server.query<{ rows: string; sum: string }>(
    `SELECT toString(count()) AS rows, toString(sum(cityHash64(${names.join(', ')}))) AS sum ${from}`,
  )
  if (content === undefined || content.rows === '0') return
  const values = stored.map((column) =>
    isText(column) ? `${replaced(column, subject)} AS ${quoted(column.name)}` : quoted(column.name),
  )
  const token = sha256Hex(
    canonicalJson([table.name, subject.replacement, content.rows, content.sum]),
  )
  await server.command(
    `INSERT INTO ${quoted(table.name)} (${names.join(', ')})
     SELECT ${values.join(', ')} FROM (SELECT ${names.join(', ')} ${from})
     SETTINGS async_insert = 0, insert_deduplicate = 1, insert_deduplication_token = ${literal(`erase:${token}`)}`,
  )
}

function textColumns(table: Table): readonly Column[] {
  return table.columns.filter((column) => !column.isComputed && isText(column))
}

function isText({ name, type }: Column): boolean {
  return /^(Array\()?(LowCardinality\()?(Nullable\()?String\)*$/.test(type) && !structural.has(name)
}

function isArray({ type }: Column): boolean {
  return type.startsWith('Array(')
}

function holds(column: Column, subject: ErasedSubject): string {
  const name = quoted(column.name)
  const pattern = literal(patternOf(subject.names))
  if (isArray(column)) return `arrayExists(x -> match(toString(x), ${pattern}), ${name})`
  return `match(ifNull(toString(${name}), ''), ${pattern})`
}

function isExactly(column: Column, { names }: ErasedSubject): string {
  const list = names.map((name) => literal(name.toLowerCase())).join(', ')
  return `lowerUTF8(ifNull(toString(${quoted(column.name)}), '')) IN (${list})`
}

function replaced(column: Column, subject: ErasedSubject): string {
  const name = quoted(column.name)
  const pattern = literal(patternOf(subject.names))
  // In JSON a number may stand bare, where a word would break the text.
  const by = literal(subject.names.every((text) => /^\d+$/.test(text)) ? '0' : subject.replacement)
  if (isArray(column))
    return `arrayMap(x -> replaceRegexpAll(toString(x), ${pattern}, ${by}), ${name})`
  return `replaceRegexpAll(${name}, ${pattern}, ${by})`
}

/** A name as a whole word, as it is and as JSON writes it, in a text and in a text within a text. */
function patternOf(names: readonly string[]): string {
  const escaped = (text: string) => JSON.stringify(text).slice(1, -1)
  const words = names.flatMap((name) => {
    const before = /^[0-9A-Za-z_]/.test(name) ? '\\b' : ''
    const after = /[0-9A-Za-z_]$/.test(name) ? '\\b' : ''
    const forms = [name, escaped(name), escaped(escaped(name))]
    return forms.map((form) => `${before}${quotedPattern(form)}${after}`)
  })
  // The longest first: of two that begin alike the whole one is meant.
  const alternatives = [...new Set(words)].sort((a, b) => b.length - a.length)
  return `(?i)(?:${alternatives.join('|')})`
}

function quotedPattern(text: string): string {
  return text.replaceAll(/[\\.+*?()|[\]{}^$]/g, '\\$&')
}

function quoted(name: string): string {
  return `\`${name.replaceAll('\\', '\\\\').replaceAll('`', '\\`')}\``
}
