import { sha256Hex } from '../core/hash.ts'
import type { LogRecord } from '../core/kafka.ts'
import type { Row } from '../schemas/table.ts'
import type { BlockContext } from './processor.ts'
import { redactRecord, redactText } from './redact.ts'

/** How much of a dead record is kept, after redaction. */
export const headBytesMax = 65_536
const reasonCharsMax = 2_000

export interface DeadLetter {
  readonly code: string
  readonly reason: string
  /** The source kind, as far as it is known; redaction depends on it. */
  readonly kind: string
  /** The parsed record, if it could be parsed. */
  readonly value?: unknown
  /** 0 for a letter about a record that is a row too, such as a match without an anchor. */
  readonly records?: 0 | 1
}

export function deadLetterRow(
  context: BlockContext,
  record: LogRecord,
  recordTimeMs: number,
  letter: DeadLetter,
): Row<'dead_letters'> {
  const bytes = record.value ?? new Uint8Array()
  return {
    log: context.log,
    topic: context.topic,
    partition: context.partition,
    offset: record.offset,
    ingest_time: context.timeMs,
    record_time: recordTimeMs,
    last_offset: record.offset,
    records: letter.records ?? 1,
    code: letter.code,
    reason: letter.reason.slice(0, reasonCharsMax),
    value_sha256: sha256Hex(bytes),
    value_bytes: bytes.length,
    head: headOf(bytes, letter),
  }
}

function headOf(bytes: Uint8Array, { value, kind }: DeadLetter): string {
  if (typeof value === 'object') return cut(JSON.stringify(redactRecord(value, kind)))
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, headBytesMax))
  return cut(redactText(head.toString('utf8')))
}

/** At most `headBytesMax` bytes of UTF-8, not ending inside a character. */
function cut(text: string): string {
  if (text.length * 3 <= headBytesMax) return text
  const bytes = Buffer.from(text, 'utf8')
  if (bytes.length <= headBytesMax) return text
  let end = headBytesMax
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1
  return bytes.toString('utf8', 0, end)
}
