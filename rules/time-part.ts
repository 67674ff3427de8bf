import { dayMs } from '../core/units.ts'
import type { TimePart } from './node.ts'
import type { Scalar } from './value.ts'

/** One part of the time that a field holds, in UTC; NaN when it holds none. Weeks are ISO weeks. */
export function timePartOf(scalar: Scalar, part: TimePart): number {
  const ms = timeMsOf(scalar)
  if (Number.isNaN(ms)) return Number.NaN
  const date = new Date(ms)
  switch (part) {
    case 'minute':
      return date.getUTCMinutes()
    case 'hour':
      return date.getUTCHours()
    case 'day':
      return date.getUTCDate()
    case 'week':
      return isoWeek(date)
    case 'month':
      return date.getUTCMonth() + 1
    case 'year':
      return date.getUTCFullYear()
  }
}

/** Seconds after the epoch stay below this until the year 5138; milliseconds pass it in 1973. */
const secondsMax = 1e11
const timeText = /^\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)?)?$/

function timeMsOf(scalar: Scalar): number {
  if (typeof scalar === 'boolean') return Number.NaN
  if (typeof scalar === 'string') {
    const match = timeText.exec(scalar)
    if (match === null) return Number.NaN
    const text = scalar.replace(' ', 'T')
    return Date.parse(match[1] === undefined && text.includes('T') ? `${text}Z` : text)
  }
  const ms = Math.abs(scalar) < secondsMax ? scalar * 1000 : scalar
  return Math.abs(ms) <= 8.64e15 ? ms : Number.NaN
}

/** The week of a date is the week of its Thursday. */
function isoWeek(date: Date): number {
  const midnight = Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate())
  const weekday = (new Date(midnight).getUTCDay() + 6) % 7
  const thursday = midnight + (3 - weekday) * dayMs
  const newYear = Date.UTC(new Date(thursday).getUTCFullYear(), 0, 1)
  return Math.floor((thursday - newYear) / (7 * dayMs)) + 1
}
