import { readdirSync, readFileSync } from 'node:fs'

/**
 * The views of `views/v1/` as their files declare them. Each file is one statement of this form:
 *
 *     -- What a row means.
 *     CREATE OR REPLACE VIEW name
 *     (
 *         column Type COMMENT 'What it holds, its unit, when it is null',
 *     ) AS
 *     SELECT …
 *     COMMENT 'What the view is for'
 */
export interface V1View {
  readonly name: string
  readonly purpose: string
  /** What a row means: the header of the file. */
  readonly row: string
  readonly columns: readonly V1Column[]
  /** In alphabetical order. */
  readonly parameters: readonly V1Parameter[]
}

export interface V1Column {
  readonly name: string
  readonly type: string
  readonly comment: string
}

export interface V1Parameter {
  readonly name: string
  readonly type: string
}

const folder = new URL('../views/v1/', import.meta.url)

export function readV1Views(): readonly V1View[] {
  const files = readdirSync(folder).filter((file) => file.endsWith('.sql'))
  return files.toSorted().map((file) => {
    const view = parseV1View(readFileSync(new URL(file, folder), 'utf8'))
    if (`${view.name}.sql` !== file) throw new Error(`views/v1/${file} makes ${view.name}`)
    return view
  })
}

const text = "'((?:[^']|'')*)'"
const form = new RegExp(
  `^((?:-- .*\\n)+)CREATE OR REPLACE VIEW (v1_[a-z0-9_]+)\\n\\(\\n([^]*?)\\n\\) AS\\n([^]*)\\nCOMMENT ${text};\\n$`,
)
const column = new RegExp(`^ {4}([a-z][a-z0-9_]*) (.+?) COMMENT ${text},?$`)

/** Throws for a text that is not of the form above. */
export function parseV1View(sql: string): V1View {
  const [, header = '', name, list = '', select = '', purpose = ''] = form.exec(sql) ?? []
  if (name === undefined) throw new Error(`not of the form of a v1 view: ${sql.slice(0, 200)}`)
  const columns = list.split('\n').map((line) => {
    const [, of, type, comment] = column.exec(line) ?? []
    if (of === undefined || type === undefined || comment === undefined) {
      throw new Error(`${name}: not a column with its comment: ${line}`)
    }
    return { name: of, type, comment: unquoted(comment) }
  })
  return {
    name,
    purpose: unquoted(purpose),
    row: header
      .split('\n')
      .filter((line) => !line.startsWith('-- after:'))
      .map((line) => line.replace(/^-- /, ''))
      .join(' ')
      .trim(),
    columns,
    parameters: parametersOf(select),
  }
}

/** The parameters that a text of SQL asks for: `{name:Type}`. */
export function parametersOf(sql: string): readonly V1Parameter[] {
  const found = new Map<string, string>()
  for (const [, name = '', type = ''] of sql.matchAll(/\{([a-z_]+):([A-Za-z0-9()]+)\}/g)) {
    found.set(name, type)
  }
  return [...found].toSorted().map(([name, type]) => ({ name, type }))
}

function unquoted(text: string): string {
  return text.replaceAll("''", "'")
}

/** `docs/reference/views.md`. */
export function v1ViewsPage(views: readonly V1View[]): string {
  return [
    '# Views for BI',
    '',
    'Made from `views/v1/` by `npm run docs`.',
    '',
    'Grafana, Superset, a notebook: read these views, and nothing else, from ClickHouse. They are a contract: names,',
    'columns and types of a `v1_` view stay; a column may be added at the end. What cannot be kept becomes a',
    '`v2_` view beside it. All other tables and views change without notice.',
    '',
    '- What is not known is null, never 0 or an empty text. An empty list is a list without members.',
    '- Times are UTC. `…_hours`, `…_seconds` and `…_pct` are hours, seconds and per cent.',
    '- A view without parameters is as of now, and reads like a table. Parameters take epoch seconds, fractions allowed:',
    '  `SELECT * FROM v1_coverage_total(at_s = 1767225600)`; `to_s` itself is not included.',
    '- `attack_id` and `technique_id` join `v1_techniques.technique_id`. To count a technique with its sub-techniques, group',
    '  by `technique_id` of a tag, or by `coalesce(parent_id, technique_id)` of the dimension.',
    '',
    'What `docker compose up` starts has two users that can read and do nothing else: `grafana` for the board, `bi` for',
    'everything else (password: `BI_CLICKHOUSE_PASSWORD`, by default `bi`; port 8123). Elsewhere:',
    "`CREATE USER bi IDENTIFIED BY '…' SETTINGS readonly = 2; GRANT SELECT ON ttpstream.* TO bi`.",
    '',
    '| view | |',
    '|---|---|',
    ...views.map(({ name, purpose }) => `| [\`${name}\`](#${name}) | ${cell(purpose)} |`),
    '',
    ...views.flatMap(section),
  ].join('\n')
}

function section({ name, row, columns, parameters }: V1View): string[] {
  const list = parameters.map((parameter) => parameter.name).join(', ')
  return [
    `## ${name}`,
    '',
    row,
    '',
    ...(list === '' ? [] : [`Parameters: ${list}.`, '']),
    '| column | type | |',
    '|---|---|---|',
    ...columns.map((one) => `| \`${one.name}\` | \`${one.type}\` | ${cell(one.comment)} |`),
    '',
  ]
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|')
}
