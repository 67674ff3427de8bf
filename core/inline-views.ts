import { ConfigError } from './error.ts'

/**
 * Views written out where they are called: each `name(a = x, b = y)` of the given names becomes the text of that view in
 * parentheses, with (x) for {a:Type}. ClickHouse plans a view with parameters inside another more slowly than its text.
 *
 * Contract: `texts` are statements `CREATE … VIEW name AS SELECT …` without lines of comment, each written out itself
 * already. Throws ConfigError with `path` for a name that is never called, for parameters that are not the view's, and
 * for a view with settings.
 */
export function inlineViews(
  path: string,
  sql: string,
  names: readonly string[],
  texts: ReadonlyMap<string, string>,
): string {
  return names.reduce((written, name) => {
    const text = texts.get(name)
    if (text === undefined) throw problem(path, `\`-- inlines: ${name}\`: there is no such view`)
    return inlineView(path, written, name, selectOf(path, name, text))
  }, sql)
}

function inlineView(path: string, sql: string, name: string, select: string): string {
  const call = new RegExp(`\\b${name}\\(`, 'g')
  let written = ''
  let from = 0
  for (let found = call.exec(sql); found !== null; found = call.exec(sql)) {
    const opened = found.index + found[0].length
    const closed = endOf(sql, opened, ')')
    const values = argumentsOf(path, name, sql.slice(opened, closed))
    written += `${sql.slice(from, found.index)}(\n${withValues(path, name, select, values)}\n)`
    from = closed + 1
    call.lastIndex = from
  }
  if (from === 0) throw problem(path, `\`-- inlines: ${name}\`: it is not called`)
  return written + sql.slice(from)
}

function selectOf(path: string, name: string, text: string): string {
  const select = /^CREATE\s[^(]*?\bVIEW\b[^(]*?\sAS\s+([\s\S]+)$/.exec(text)?.[1]
  if (select === undefined) throw problem(path, `\`-- inlines: ${name}\`: it is no view`)
  if (/\bSETTINGS\b/.test(select)) {
    throw problem(path, `\`-- inlines: ${name}\`: it has settings, which would be everybody's`)
  }
  return select
}

function argumentsOf(path: string, name: string, list: string): ReadonlyMap<string, string> {
  const values = new Map<string, string>()
  for (let from = 0; from < list.length; ) {
    const end = endOf(list, from, ',')
    const one = /^\s*([a-z_]+)\s*=\s*([\s\S]+?)\s*$/.exec(list.slice(from, end))
    if (one?.[1] === undefined || one[2] === undefined) {
      throw problem(path, `${name}(${list.trim()}): parameters are \`name = value\``)
    }
    values.set(one[1], one[2])
    from = end + 1
  }
  return values
}

function withValues(
  path: string,
  name: string,
  select: string,
  values: ReadonlyMap<string, string>,
): string {
  const used = new Set<string>()
  const written = select.replace(/\{([a-z_]+):[^}]+\}/g, (_, key: string) => {
    used.add(key)
    const value = values.get(key)
    if (value === undefined) throw problem(path, `${name}(…) has no value for ${key}`)
    return `(${value})`
  })
  const unused = [...values.keys()].filter((key) => !used.has(key))
  if (unused.length > 0) throw problem(path, `${name} has no parameter ${unused.join(', ')}`)
  return written
}

/** Where `end` first stands outside of texts and brackets, from `from` on; the length where it does not. */
function endOf(sql: string, from: number, end: ')' | ','): number {
  let depth = 0
  for (let at = from; at < sql.length; at += 1) {
    const char = sql[at] ?? ''
    if (depth === 0 && char === end) return at
    if (char === "'") at = endOfText(sql, at)
    else if ('([{'.includes(char)) depth += 1
    else if (')]}'.includes(char)) depth -= 1
  }
  return sql.length
}

/** The place of the quote that ends the text that begins at `from`. */
function endOfText(sql: string, from: number): number {
  for (let at = from + 1; at < sql.length; at += 1) {
    if (sql[at] === '\\') at += 1
    else if (sql[at] === "'") return at
  }
  return sql.length
}

function problem(path: string, why: string): ConfigError {
  return new ConfigError('sql-inline', `${path}: ${why}`)
}
