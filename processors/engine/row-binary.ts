/**
 * Rows → ClickHouse's RowBinary, driven by the column types of `schemas/table.ts`.
 *
 *     String  varint length, UTF-8        UInt32/UInt64/Float64  little endian
 *     UUID    two little-endian halves    DateTime64(3)          Int64 milliseconds
 *     Array   varint count, elements      Nullable               0, value | 1
 *
 * Half the bytes and a third of the time of JSONEachRow.
 */

import { assert } from '../../core/error.ts'
import { type ColumnType, type Row, type TableName, tables } from '../../schemas/table.ts'

/** Encodes `rows` into one buffer. Throws `AssertionError` for a value its column cannot hold. */
export function encodeRows<Name extends TableName>(name: Name, rows: readonly Row<Name>[]): Buffer {
  const columns: readonly (readonly [string, ColumnType])[] = Object.entries(tables[name])
  const writer = new Writer()
  for (const row of rows) {
    const values: Readonly<Record<string, unknown>> = row
    for (const [column, type] of columns) {
      if (!writer.value(type, values[column])) {
        assert(false, `${name}.${column} (${type}) cannot hold ${String(values[column])}`)
      }
    }
  }
  return writer.bytes()
}

/** Below 128, so that a length takes one byte. */
const shortCharsMax = 24

class Writer {
  #buffer = Buffer.allocUnsafe(1 << 16)
  #at = 0

  bytes(): Buffer {
    return this.#buffer.subarray(0, this.#at)
  }

  /** false: the value is not of the column's type. */
  value(type: ColumnType, value: unknown): boolean {
    switch (type) {
      case 'text':
        return typeof value === 'string' && this.#text(value)
      case 'bool':
        return typeof value === 'boolean' && this.#byte(value ? 1 : 0)
      case 'uint32':
        return isCount(value, 0xffff_ffff) && this.#uint32(value)
      case 'uint64':
        return isCount(value, Number.MAX_SAFE_INTEGER) && this.#int64(value)
      case 'time':
        return typeof value === 'number' && Number.isSafeInteger(value) && this.#int64(value)
      case 'float':
        return typeof value === 'number' && this.#float(value)
      case 'uuid':
        return typeof value === 'string' && value.length === 36 && this.#uuid(value)
      case 'text?':
        return this.#nullable('text', value)
      case 'bool?':
        return this.#nullable('bool', value)
      case 'uint32?':
        return this.#nullable('uint32', value)
      case 'time?':
        return this.#nullable('time', value)
      case 'texts':
        return this.#array('text', value)
      case 'bools?':
        return this.#array('bool?', value)
    }
  }

  #nullable(type: ColumnType, value: unknown): boolean {
    if (value === null) return this.#byte(1)
    return this.#byte(0) && this.value(type, value)
  }

  #array(type: ColumnType, value: unknown): boolean {
    if (!Array.isArray(value)) return false
    this.#varint(value.length)
    return value.every((item) => this.value(type, item))
  }

  #reserve(bytes: number): void {
    if (this.#at + bytes <= this.#buffer.length) return
    const larger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#at + bytes))
    this.#buffer.copy(larger, 0, 0, this.#at)
    this.#buffer = larger
  }

  #byte(value: number): true {
    this.#reserve(1)
    this.#buffer[this.#at] = value
    this.#at += 1
    return true
  }

  #varint(value: number): void {
    let rest = value
    while (rest >= 0x80) {
      this.#byte((rest % 0x80) | 0x80)
      rest = Math.floor(rest / 0x80)
    }
    this.#byte(rest)
  }

  #text(value: string): true {
    // A call to `write` costs more than to copy a short text, and every other column is short or empty.
    if (value.length <= shortCharsMax && this.#ascii(value)) return true
    // A UTF-16 unit takes at most three bytes: short text needs no separate pass for its length.
    if (value.length * 3 < 0x80) {
      this.#reserve(value.length * 3 + 1)
      const written = this.#buffer.write(value, this.#at + 1, 'utf8')
      this.#buffer[this.#at] = written
      this.#at += written + 1
      return true
    }
    const length = Buffer.byteLength(value)
    this.#varint(length)
    this.#reserve(length)
    this.#at += this.#buffer.write(value, this.#at, 'utf8')
    return true
  }

  /** false, and nothing written: there is a character beyond ASCII. */
  #ascii(value: string): boolean {
    const { length } = value
    this.#reserve(length + 1)
    const start = this.#at + 1
    for (let index = 0; index < length; index += 1) {
      const code = value.charCodeAt(index)
      if (code > 0x7f) return false
      this.#buffer[start + index] = code
    }
    this.#buffer[this.#at] = length
    this.#at = start + length
    return true
  }

  #uint32(value: number): true {
    this.#reserve(4)
    this.#at = this.#buffer.writeUInt32LE(value, this.#at)
    return true
  }

  #int64(value: number): true {
    this.#reserve(8)
    const high = Math.floor(value / 0x1_0000_0000)
    this.#buffer.writeUInt32LE(value - high * 0x1_0000_0000, this.#at)
    this.#at = this.#buffer.writeInt32LE(high, this.#at + 4)
    return true
  }

  #float(value: number): true {
    this.#reserve(8)
    this.#at = this.#buffer.writeDoubleLE(value, this.#at)
    return true
  }

  #uuid(value: string): boolean {
    this.#reserve(16)
    const bytes = Buffer.from(value.replaceAll('-', ''), 'hex')
    for (let index = 0; index < 8; index += 1) {
      this.#buffer[this.#at + index] = bytes[7 - index] ?? 0
      this.#buffer[this.#at + 8 + index] = bytes[15 - index] ?? 0
    }
    this.#at += 16
    return bytes.length === 16
  }
}

function isCount(value: unknown, max: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= max
}
