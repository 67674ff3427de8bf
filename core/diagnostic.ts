/**
 * A problem in a file that a person wrote: what, where, and what to do.
 *
 *     rules/web/jndi.yaml:7:12: unknown-field: `raw_ulr` is not a field of `http_request`
 *         field: raw_ulr
 *                ^^^^^^^   did you mean `raw_url`?
 */

export interface Diagnostic {
  readonly severity: 'error' | 'warning'
  /** Stable, kebab-case. */
  readonly code: string
  readonly message: string
  readonly file: string
  /** 1-based; 0 where the problem is the file itself. */
  readonly line: number
  readonly column: number
  /** The offending line and how many characters of it to underline. */
  readonly excerpt?: { readonly text: string; readonly length: number }
  /** What to do about it. */
  readonly note?: string
}

export type Parsed<T> =
  | { readonly ok: true; readonly value: T; readonly warnings: readonly Diagnostic[] }
  | { readonly ok: false; readonly diagnostics: readonly Diagnostic[] }

export function formatDiagnostic(diagnostic: Diagnostic): string {
  const { file, line, column, code, message, excerpt, note } = diagnostic
  const level = diagnostic.severity === 'warning' ? 'warning: ' : ''
  const head = `${file}:${line}:${column}: ${level}${code}: ${message}`
  if (excerpt === undefined) return note === undefined ? head : `${head}\n    ${note}`
  const indent = ' '.repeat(Math.max(0, column - 1))
  const carets = '^'.repeat(Math.max(1, excerpt.length))
  return `${head}\n    ${excerpt.text}\n    ${indent}${carets}${note === undefined ? '' : `   ${note}`}`
}
