import type { ParsedRecord } from './source.ts'
import type { TimeCandidate } from './source-definition.ts'
import { readerOf } from './source-path.ts'
import { parseTime, timeMaxMs, type Zone } from './time.ts'

/** The first of the candidates that states a time from 1970 on; undefined if none does. */
export function compileTime(
  candidates: readonly TimeCandidate[],
): (fields: ParsedRecord) => number | undefined {
  const readers = candidates.map((candidate) => {
    const read = readerOf(candidate.field)
    const toMs = parser(candidate)
    return (fields: ParsedRecord) => toMs(read(fields))
  })
  return (fields) => {
    for (const read of readers) {
      const ms = read(fields)
      if (ms >= 0) return ms
    }
    return undefined
  }
}

/** Epoch milliseconds, NaN where the value is no time. Beyond 2100 is 2100, to be capped. */
function parser({ zone, format }: TimeCandidate): (value: unknown) => number {
  switch (format) {
    case 'rfc3339': {
      const missing = zoneOf(zone)
      return (value) => {
        if (typeof value === 'string') return bounded(parseTime(value, missing))
        return typeof value === 'number' ? bounded(Math.trunc(value)) : Number.NaN
      }
    }
    case 'epoch_seconds':
      return (value) => bounded(Math.round(leadingNumber(value) * 1_000))
    case 'epoch_ms':
      return (value) => bounded(Math.trunc(leadingNumber(value)))
  }
}

function bounded(ms: number): number {
  return ms > timeMaxMs ? timeMaxMs : ms
}

function leadingNumber(value: unknown): number {
  if (typeof value === 'number') return value
  if (typeof value !== 'string') return Number.NaN
  const digits = /^\d{1,16}(?:\.\d{1,9})?/.exec(value)?.[0]
  return digits === undefined ? Number.NaN : Number(digits)
}

function zoneOf(zone: string | undefined): Zone {
  if (zone === undefined) return 'required'
  if (zone === 'utc') return 0
  const sign = zone.startsWith('-') ? -1 : 1
  return sign * (Number(zone.slice(1, 3)) * 60 + Number(zone.slice(-2)))
}
