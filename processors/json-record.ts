import { isUtf8 } from 'node:buffer'
import type { ParsedRecord } from '../schemas/source.ts'
import { isObject } from '../schemas/source-path.ts'

/** A record's bytes as a JSON object. */

export interface JsonLimits {
  readonly recordBytesMax: number
}

export type JsonRecord =
  | { readonly ok: true; readonly value: ParsedRecord; readonly text: string }
  /** `value` where the text is JSON, but not a record: a dead letter redacts it by its keys. */
  | { readonly ok: false; readonly code: string; readonly reason: string; readonly value?: unknown }

/** Deeper records exist only to exhaust somebody's stack. */
export const depthMax = 64

export function parseJsonRecord(bytes: Uint8Array, limits: JsonLimits): JsonRecord {
  if (bytes.length > limits.recordBytesMax) {
    const reason = `the record has ${bytes.length} bytes; at most ${limits.recordBytesMax} are taken`
    return { ok: false, code: 'too-large', reason }
  }
  const text = textOf(bytes)
  // Decoding replaces what is not UTF-8, so only a text with that character can be broken.
  if (text.includes('\uFFFD') && !isUtf8(bytes)) {
    return { ok: false, code: 'invalid-utf8', reason: 'the record is not UTF-8' }
  }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (thrown) {
    return { ok: false, code: 'malformed-json', reason: reasonOf(thrown) }
  }
  if (!isObject(value)) {
    const reason = `the record is ${Array.isArray(value) ? 'a list' : 'a plain value'}; send one JSON object a record`
    return { ok: false, code: 'not-an-object', reason, value }
  }
  if (mayBeDeep(text) && isDeeper(value, depthMax)) {
    return {
      ok: false,
      code: 'too-deep',
      reason: `the record nests deeper than ${depthMax} levels`,
    }
  }
  // Half of a surrogate pair can only be escaped; ClickHouse would take no JSON that holds one.
  // Looking for two characters first halves what it costs a text without either.
  const hasHalves = text.includes('\\u') && /\\u[dD][89a-fA-F]/.test(text)
  return { ok: true, value: hasHalves ? wellFormedObject(value) : value, text }
}

function textOf(bytes: Uint8Array): string {
  const buffer = Buffer.isBuffer(bytes)
    ? bytes
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const start = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0
  return buffer.toString('utf8', start)
}

/** V8 quotes the text around the mistake, which may be anybody's secret: the place is enough. */
function reasonOf(thrown: unknown): string {
  const message = thrown instanceof Error ? thrown.message : ''
  const position = /at position (\d+)/.exec(message)?.[1]
  if (position !== undefined) return `the record is not JSON from character ${position} on`
  return /end of JSON/.test(message) ? 'the record ends inside its JSON' : 'the record is not JSON'
}

/** Nesting needs openers: a text with few of them is not deep. Two scans at memory speed. */
function mayBeDeep(text: string): boolean {
  let openers = 0
  for (const opener of ['{', '[']) {
    for (let at = text.indexOf(opener); at !== -1; at = text.indexOf(opener, at + 1)) {
      openers += 1
      if (openers > depthMax) return true
    }
  }
  return false
}

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false
  if (levels === 0) return true
  return Object.values(value).some((member) => isDeeper(member, levels - 1))
}

function wellFormed(value: unknown): unknown {
  if (typeof value === 'string') return value.toWellFormed()
  if (Array.isArray(value)) return value.map(wellFormed)
  return isObject(value) ? wellFormedObject(value) : value
}

function wellFormedObject(value: ParsedRecord): ParsedRecord {
  const members = Object.entries(value)
  return Object.fromEntries(members.map(([key, item]) => [key.toWellFormed(), wellFormed(item)]))
}
