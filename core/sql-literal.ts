/** A text as ClickHouse reads it in SQL. */
export function literal(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
}

/** Texts as ClickHouse reads an `Array(String)` in SQL. */
export function arrayLiteral(texts: readonly string[]): string {
  return `[${texts.map(literal).join(', ')}]`
}
