import { systemClock } from '../core/clock.ts'
import { ConfigError } from '../core/error.ts'
import { dayMs, hourMs, minuteMs, secondMs } from '../core/units.ts'
import { parseTime } from '../schemas/time.ts'

const units: Readonly<Record<string, number>> = {
  s: secondMs,
  m: minuteMs,
  h: hourMs,
  d: dayMs,
}

/** Epoch milliseconds of `2026-11-20T00:00:00Z`, `2026-11-20` (UTC) or an age such as `90m`, `7d`. */
export function parseTimeOption(name: string, text: string): number {
  const [, count, unit = ''] = /^(\d{1,6})([smhd])$/.exec(text) ?? []
  if (count !== undefined) return systemClock.now() - Number(count) * (units[unit] ?? 0)
  const ms = parseTime(/^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T00:00:00Z` : text)
  if (!Number.isNaN(ms)) return ms
  const forms = '2026-11-20T08:00:00Z, 2026-11-20, or an age such as 90m or 7d'
  throw new ConfigError('bad-arguments', `--${name} is "${text}"; give a time: ${forms}.`)
}
