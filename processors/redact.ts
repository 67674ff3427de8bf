import { isSecretName } from '../rules/evidence.ts'
import { isObject } from '../schemas/source-path.ts'

/**
 * Takes out of a record what must not be kept beside the event: secrets by the name of their key,
 * and of a mail its words, its file names and every address (G5).
 *
 * Contract: total and linear in its input; what it returns is a new value, the record stays whole.
 */

export const redacted = '[redacted]'

/** Kinds of which even a matched record is not kept as it came. */
export const sensitiveKinds: ReadonlySet<string> = new Set(['email', 'auth_attempt', 'credential'])

const mailKeys = new Set([
  'subject',
  'body',
  'body_text',
  'body_html',
  'text',
  'html',
  'message',
  'raw',
  'content',
  'headers',
  'from',
  'to',
  'cc',
  'bcc',
  'reply_to',
  'return_path',
  'mail_from',
  'rcpt_to',
  'recipients',
  'sender',
  'filename',
  'file_name',
])
/** Starts at a word, so that a long text without one costs a single pass. */
const secretInText =
  /(password|passwd|passphrase|secret|token|api[_-]?key|private[_-]?key|authorization|cookie)(s?"?\s{0,8}[:=]\s{0,8})("(?:[^"\\]|\\.){0,4096}"?|[^\s,;"}]{1,4096})/gi
const depthMax = 64

/** A parsed record without its secrets; `kind` is what it is, or says it is. */
export function redactRecord(record: unknown, kind: string): unknown {
  const isMail = kind === 'email' || (isObject(record) && looksLikeMail(record))
  return redactValue(record, isMail, 0)
}

/** Text that could not be parsed: secrets and addresses as far as they can be told. */
export function redactText(text: string): string {
  return withoutAddresses(text.replace(secretInText, `$1$2${redacted}`))
}

/** Mail addresses, found from their `@`: a run of letters without one costs nothing. */
function withoutAddresses(text: string): string {
  let result = ''
  let done = 0
  for (let at = text.indexOf('@'); at !== -1; at = text.indexOf('@', at + 1)) {
    let start = at
    while (start > done && at - start < 64 && isLocal(text.charCodeAt(start - 1))) start -= 1
    let end = at + 1
    while (end - at <= 255 && isDomain(text.charCodeAt(end))) end += 1
    if (start === at || end === at + 1) continue
    result += text.slice(done, start) + redacted
    done = end
  }
  return done === 0 ? text : result + text.slice(done)
}

function isDomain(code: number): boolean {
  const isDigit = code >= 0x30 && code <= 0x39
  const isLetter = (code | 0x20) >= 0x61 && (code | 0x20) <= 0x7a
  // Any letter beyond ASCII may be part of an internationalised address.
  return isDigit || isLetter || code === 0x2d || code === 0x2e || code >= 0x80
}

function isLocal(code: number): boolean {
  return isDomain(code) || "!#$%&'*+/=?^_`{|}~".includes(String.fromCharCode(code))
}

function looksLikeMail(record: Readonly<Record<string, unknown>>): boolean {
  if (record['kind'] === 'email') return true
  const fields = isObject(record['fields']) ? record['fields'] : {}
  return ['mail_from', 'rcpt_to', 'rcpt_count', 'subject'].some(
    (key) => record[key] !== undefined || fields[key] !== undefined,
  )
}

function redactValue(value: unknown, isMail: boolean, depth: number): unknown {
  if (typeof value === 'string') return isMail ? withoutAddresses(value) : value
  if (typeof value !== 'object' || value === null) return value
  if (depth >= depthMax) return redacted
  if (Array.isArray(value)) return value.map((item) => redactValue(item, isMail, depth + 1))
  const members = Object.entries(value).map(([key, member]) => {
    const isHidden = isSecretName(key) || (isMail && mailKeys.has(key.toLowerCase()))
    return [key, isHidden ? redacted : redactValue(member, isMail, depth + 1)]
  })
  return Object.fromEntries(members)
}
