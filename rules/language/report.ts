import type { Diagnostic } from '../../core/diagnostic.ts'

/** Offsets in a file's text, end exclusive. */
export interface Span {
  readonly start: number
  readonly end: number
}

/** More than this from one file says nothing new. */
const diagnosticsMax = 100
/** A longer line is not quoted: nobody reads it, and it would fill the log. */
const excerptCharsMax = 240

/** Collects what is wrong with one file, and knows where in its text that is. */
export class Report {
  readonly file: string
  readonly text: string
  readonly #diagnostics: Diagnostic[] = []
  #lineStarts: readonly number[] | undefined
  #errors = 0

  constructor(file: string, text: string) {
    this.file = file
    this.text = text
  }

  get diagnostics(): readonly Diagnostic[] {
    return this.#diagnostics
  }

  /** Errors so far, also those beyond the limit of what is kept. */
  get errorCount(): number {
    return this.#errors
  }

  error(code: string, message: string, at: Span, note?: string): void {
    this.#errors += 1
    this.#add('error', code, message, at, note)
  }

  warn(code: string, message: string, at: Span, note?: string): void {
    this.#add('warning', code, message, at, note)
  }

  /** 1-based line of an offset. */
  line(offset: number): number {
    return this.#position(offset).line
  }

  #add(
    severity: Diagnostic['severity'],
    code: string,
    message: string,
    at: Span,
    note: string | undefined,
  ): void {
    if (this.#diagnostics.length >= diagnosticsMax) return
    const { line, column, start } = this.#position(at.start)
    const newline = this.text.indexOf('\n', start)
    const text = this.text.slice(start, newline === -1 ? undefined : newline).replace(/\r$/, '')
    const length = Math.max(1, Math.min(at.end, start + text.length) - at.start)
    this.#diagnostics.push({
      severity,
      code,
      message,
      file: this.file,
      line,
      column,
      ...(text.length > excerptCharsMax || text.trim() === ''
        ? {}
        : { excerpt: { text: text.replaceAll('\t', ' '), length } }),
      ...(note === undefined ? {} : { note }),
    })
  }

  #position(offset: number): { line: number; column: number; start: number } {
    this.#lineStarts ??= lineStartsOf(this.text)
    const starts = this.#lineStarts
    let low = 0
    let high = starts.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if ((starts[middle] ?? 0) <= offset) low = middle
      else high = middle - 1
    }
    const start = starts[low] ?? 0
    return { line: low + 1, column: offset - start + 1, start }
  }
}

function lineStartsOf(text: string): readonly number[] {
  const starts = [0]
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) starts.push(at + 1)
  return starts
}
