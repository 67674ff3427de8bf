import { pino } from 'pino'

/** Fields, not string building; nothing is logged per record in normal operation. */
export interface Log {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent'

/** A log that writes one JSON object a line to `file`, or to standard error without one. */
export function createLog(level: LogLevel, file?: string): Log {
  return pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime },
    pino.destination(file === undefined ? 2 : { dest: file, mkdir: true, sync: true }),
  )
}

export const silentLog: Log = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
}
