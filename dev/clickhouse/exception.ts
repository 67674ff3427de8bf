/** ClickHouse's errors, as its HTTP interface words them: `Code: N. DB::Exception: text. (NAME)`. */

/** Codes the front itself raises. */
export const errorCodes = {
  BAD_ARGUMENTS: 36,
  NOT_IMPLEMENTED: 48,
  SYNTAX_ERROR: 62,
  UNKNOWN_TYPE_OF_QUERY: 78,
  UNKNOWN_COMPRESSION_METHOD: 89,
  UNKNOWN_SETTING: 115,
  INCORRECT_DATA: 117,
  TOO_MANY_SIMULTANEOUS_QUERIES: 202,
  QUERY_IS_TOO_LARGE: 229,
  NOT_ENOUGH_SPACE: 243,
  INTO_OUTFILE_NOT_ALLOWED: 358,
  SESSION_NOT_FOUND: 372,
  SESSION_IS_LOCKED: 373,
  INVALID_SESSION_TIMEOUT: 374,
  QUERY_WAS_CANCELLED: 394,
  AUTHENTICATION_FAILED: 516,
  ABORTED: 236,
} as const

export class ServerException extends Error {
  readonly code: number

  constructor(code: number, message: string) {
    super(message)
    this.name = 'ServerException'
    this.code = code
  }
}

export function exception(name: keyof typeof errorCodes, text: string): ServerException {
  const code = errorCodes[name]
  return new ServerException(code, `Code: ${code}. DB::Exception: ${text}. (${name})`)
}

/** What chDB threw, with the code that its text begins with; 1002 (UNKNOWN_EXCEPTION) without one. */
export function asException(thrown: unknown): ServerException {
  if (thrown instanceof ServerException) return thrown
  const text = unwrap(thrown instanceof Error ? thrown.message : String(thrown))
  const code = /^Code: (\d{1,6})\./.exec(text)?.[1]
  return code === undefined
    ? new ServerException(1002, `Code: 1002. DB::Exception: ${text}. (UNKNOWN_EXCEPTION)`)
    : new ServerException(Number(code), text)
}

/**
 * chDB wraps an exception once per layer that it passes, with the same code each time; a server
 * shows the innermost. The spool's file name says nothing to a client.
 */
function unwrap(text: string): string {
  const wrapped =
    /^Code: (\d{1,6})\. DB::Exception: (Code: \1\. DB::Exception: .*) \(version [^()]{0,100}\)\. \([A-Z0-9_]{1,100}\)$/s
  let inner = text
  for (let found = wrapped.exec(inner); found !== null; found = wrapped.exec(inner)) {
    inner = found[2] ?? inner
  }
  return inner.replace(/: \(in file\/uri [^()]{0,300}\)/, '')
}

const badRequest = [
  6, 8, 15, 25, 26, 27, 36, 37, 38, 41, 44, 53, 62, 72, 117, 123, 167, 168, 223, 321, 376, 427, 441,
  675, 676,
]
const notFound = [46, 47, 50, 56, 60, 63, 73, 78, 81, 115, 152, 336, 511]
const statuses = new Map<number, number>([
  ...badRequest.map((code): [number, number] => [code, 400]),
  ...notFound.map((code): [number, number] => [code, 404]),
  [194, 401],
  ...[192, 193, 497, 512, 516].map((code): [number, number] => [code, 403]),
  [159, 408],
  [381, 411],
  [229, 413],
  [779, 415],
  [48, 501],
  ...[76, 209, 439].map((code): [number, number] => [code, 503]),
])

/** The HTTP status that ClickHouse gives an exception with this code. */
export function statusOf(code: number): number {
  return statuses.get(code) ?? 500
}
