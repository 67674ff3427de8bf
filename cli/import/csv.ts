/** CSV as RFC 4180 has it: quotes, doubled quotes, line breaks within quotes, CRLF or LF, a BOM. */

export interface CsvRow {
  /** Where the row begins, from 1. */
  readonly line: number
  readonly cells: readonly string[]
}

/** Rows without any text are left out. An unclosed quote ends with the file. */
export function parseCsv(text: string): readonly CsvRow[] {
  const rows: CsvRow[] = []
  const input = text.startsWith('\uFEFF') ? text.slice(1) : text
  let cells: string[] = []
  let cell = ''
  let isQuoted = false
  let line = 1
  let begun = 1
  const endRow = () => {
    cells.push(cell)
    if (cells.some((value) => value !== '')) rows.push({ line: begun, cells })
    cells = []
    cell = ''
  }
  for (let index = 0; index < input.length; index++) {
    const char = input[index]
    if (char === '\n') line += 1
    if (isQuoted) {
      if (char !== '"') cell += char
      else if (input[index + 1] === '"') cell += input[++index]
      else isQuoted = false
    } else if (char === '"' && cell === '') isQuoted = true
    else if (char === ',') {
      cells.push(cell)
      cell = ''
    } else if (char === '\n') {
      endRow()
      begun = line
    } else if (char !== '\r') cell += char
  }
  endRow()
  return rows
}
