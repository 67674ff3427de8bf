/**
 * Times as producers write them. A local time without a zone is never trusted: a caller says what a
 * missing zone means, or gets NaN.
 *
 *     time = date ("T" / "t" / " ") hh ":" mm [":" ss ["." 1*9DIGIT]] [zone]
 *     zone = "Z" / "z" / ("+" / "-") hh [":"] mm
 */

/** Minutes east of UTC that a time without a zone is in, or that it must name one. */
export type Zone = 'required' | number

/** 2100-01-01: the views use it as "for ever", and dates beyond 2299 wrap in ClickHouse. */
export const timeMaxMs = 4_102_444_800_000
/** Numbers below this (1973-03-03) are epoch seconds by mistake. */
export const epochMsMin = 100_000_000_000

const textLengthMax = 40

/** Epoch milliseconds (finer digits cut), or NaN. Years 0000 to 9999. */
export function parseTime(text: string, zone: Zone = 'required'): number {
  const { length } = text
  if (length < 16 || length > textLengthMax) return Number.NaN
  const separator = text.charCodeAt(10) | 0x20
  if (text.charCodeAt(4) !== dash || text.charCodeAt(7) !== dash) return Number.NaN
  if ((separator !== lowerT && separator !== space) || text.charCodeAt(13) !== colon) {
    return Number.NaN
  }
  const year = digits(text, 0, 4)
  const month = digits(text, 5, 2)
  const day = digits(text, 8, 2)
  const hour = digits(text, 11, 2)
  const minute = digits(text, 14, 2)
  let second = 0
  let at = 16
  let fractionMs = 0
  if (text.charCodeAt(at) === colon) {
    second = digits(text, 17, 2)
    at = 19
    if (text.charCodeAt(at) === dot) {
      let weight = 100
      let code = text.charCodeAt(++at)
      if (!isDigit(code)) return Number.NaN
      for (; isDigit(code); code = text.charCodeAt(++at)) {
        fractionMs += Math.trunc(weight) * (code - zero)
        weight /= 10
      }
    }
  }
  // A leap second counts as the first of the next minute. NaN fails every comparison.
  if (!(month >= 1 && month <= 12 && day >= 1 && day <= daysOf(year, month))) return Number.NaN
  if (!(hour <= 23 && minute <= 59 && second <= 60)) return Number.NaN
  const offset = zoneMinutes(text, at, zone)
  const days = daysSinceEpoch(year, month, day)
  return ((days * 24 + hour) * 60 + minute - offset) * 60_000 + second * 1_000 + fractionMs
}

const space = 0x20
const dash = 0x2d
const plus = 0x2b
const dot = 0x2e
const zero = 0x30
const colon = 0x3a
const lowerT = 0x74
const lowerZ = 0x7a

function isDigit(code: number): boolean {
  return code >= zero && code <= zero + 9
}

function digits(text: string, start: number, count: number): number {
  let value = 0
  for (let at = start; at < start + count; at += 1) {
    const code = text.charCodeAt(at)
    if (!isDigit(code)) return Number.NaN
    value = value * 10 + (code - zero)
  }
  return value
}

/** Minutes of the zone that starts at `at`; NaN if there is none where one is required, or rubbish. */
function zoneMinutes(text: string, at: number, zone: Zone): number {
  if (at === text.length) return zone === 'required' ? Number.NaN : zone
  const code = text.charCodeAt(at)
  if ((code | 0x20) === lowerZ) return at + 1 === text.length ? 0 : Number.NaN
  if (code !== plus && code !== dash) return Number.NaN
  const hours = digits(text, at + 1, 2)
  const hasColon = text.charCodeAt(at + 3) === colon
  const minutes = digits(text, at + (hasColon ? 4 : 3), 2)
  if (text.length !== at + (hasColon ? 6 : 5) || !(hours <= 23 && minutes <= 59)) return Number.NaN
  return (code === dash ? -1 : 1) * (hours * 60 + minutes)
}

function daysOf(year: number, month: number): number {
  if (month === 2) return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31
}

/** Days from 1970-01-01 in the proleptic Gregorian calendar, years counted from March. */
function daysSinceEpoch(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year
  const era = Math.floor(y / 400)
  const yearOfEra = y - era * 400
  const dayOfYear = Math.floor((153 * ((month + 9) % 12) + 2) / 5) + day - 1
  const leaps = Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100)
  return era * 146_097 + yearOfEra * 365 + leaps + dayOfYear - 719_468
}
