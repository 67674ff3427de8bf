import { readFileSync, statSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { ConfigError, messageOf } from '../core/error.ts'
import { parseRecord } from '../rules/tools/run.ts'
import type { ParsedRecord } from '../schemas/source.ts'

/** Files of records that somebody names on the command line: one JSON object a line, `.gz` too. */

export interface OneRecord {
  readonly json: Buffer
  readonly record: ParsedRecord
}

/** `path`, if it is a file. Throws ConfigError. */
export function recordsFile(path: string): string {
  const stats = statSync(path, { throwIfNoEntry: false })
  if (stats === undefined) throw new ConfigError('records-missing', `${path} is not there.`)
  if (stats.isDirectory()) {
    throw new ConfigError('records-missing', `${path} is a folder: name a file of records in it.`)
  }
  return path
}

/**
 * The record of `path`, - for standard input; `line`, from 1, where the file holds several, as
 * `rules run --json` counts them. Throws ConfigError.
 */
export function readRecord(path: string, line: string): OneRecord {
  const text = textOf(path)
  const whole = line === '' ? parseRecord(text) : undefined
  if (whole !== undefined) return { json: Buffer.from(text), record: whole }
  const lines = text.split(/\r?\n/).filter((one) => one !== '')
  if (line === '' && lines.length > 1 && parseRecord(lines[0] ?? '') !== undefined) {
    const many = `${path} holds ${lines.length} records: say which with --line.`
    throw new ConfigError('bad-arguments', many)
  }
  const wanted = line === '' ? text : lines[Number(line) - 1]
  if (wanted === undefined) {
    throw new ConfigError('bad-arguments', `${path} has ${lines.length} lines, none is ${line}.`)
  }
  const record = parseRecord(wanted)
  const where = line === '' ? path : `${path}:${line}`
  if (record === undefined) throw new ConfigError('bad-record', `${where} is not a JSON object.`)
  return { json: Buffer.from(wanted), record }
}

function textOf(path: string): string {
  try {
    const bytes = readFileSync(path === '-' ? 0 : recordsFile(path))
    return (path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8')
  } catch (cause) {
    if (cause instanceof ConfigError) throw cause
    throw new ConfigError('bad-record', `${path} cannot be read: ${messageOf(cause)}`, { cause })
  }
}
