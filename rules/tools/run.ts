import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { createGunzip } from 'node:zlib'
import type { LogSource, MatchEvent } from '../../schemas/event.ts'
import { isRefusal, type ParsedRecord, type SourceSet } from '../../schemas/source.ts'
import { emitsOf } from '../emit.ts'
import type { Revision, Rule } from '../rule.ts'
import type { Observations } from './import-report.ts'

/** `rules run`: a revision over a file of records, one JSON object a line, as `ttp.commands` has them. */
export interface RunResult {
  readonly records: number
  readonly events: number
  /** Records that became no event, by code. */
  readonly refused: Readonly<Record<string, number>>
  /** Events that at least one rule matched. */
  readonly matched: number
  /** By rule id, most hits first. */
  readonly hits: Readonly<Record<string, number>>
  /** Tags by technique, most specific id, most first. */
  readonly techniques: Readonly<Record<string, number>>
  readonly observations: Observations
}

export interface RunOptions {
  /** Called for each event that rules match. The rules are read before the next event. */
  readonly onMatch?: (rules: readonly Rule[], event: MatchEvent, line: number) => void
  /** Called every so many records. */
  readonly onProgress?: (records: number) => void
}

const progressEvery = 10_000
/** Log sources of one file, and field names of one source, that are remembered. */
const sourcesMax = 1_000
const fieldsMax = 10_000

/** Reads `path`, gzip where its name says so. Throws where the file itself cannot be read. */
export async function runFile(
  path: string,
  revision: Revision,
  sources: SourceSet,
  options: RunOptions = {},
): Promise<RunResult> {
  return await runLines(fileLines(path), revision, sources, options)
}

/** The lines of a file, of one that is compressed where its name ends in `.gz`. */
export function fileLines(path: string): AsyncIterable<string> {
  const file = createReadStream(path)
  const input = path.endsWith('.gz') ? file.pipe(createGunzip()) : file
  file.on('error', (error) => input.destroy(error))
  return createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })
}

/** Empty lines are left out. */
export async function runLines(
  lines: AsyncIterable<string> | Iterable<string>,
  revision: Revision,
  sources: SourceSet,
  options: RunOptions = {},
): Promise<RunResult> {
  const run = new Run(revision, sources, options)
  for await (const line of lines) if (line !== '') run.record(line)
  return run.result()
}

class Run {
  readonly #revision: Revision
  readonly #sources: SourceSet
  readonly #options: RunOptions
  readonly #refused = new Map<string, number>()
  readonly #hits = new Map<string, number>()
  readonly #techniques = new Map<string, number>()
  readonly #seen = new Map<string, { logsource: LogSource; fields: Set<string> }>()
  #records = 0
  #events = 0
  #matched = 0

  constructor(revision: Revision, sources: SourceSet, options: RunOptions) {
    this.#revision = revision
    this.#sources = sources
    this.#options = options
  }

  record(line: string): void {
    this.#records += 1
    if (this.#records % progressEvery === 0) this.#options.onProgress?.(this.#records)
    const record = parseRecord(line)
    if (record === undefined) {
      add(this.#refused, 'not-json')
      return
    }
    const event = this.#sources.read(record, {
      log: 'file',
      topic: 'file',
      partition: 0,
      offset: this.#records,
      recordTimeMs: 0,
      json: Buffer.from(line),
    })
    if (isRefusal(event)) {
      add(this.#refused, event.refused)
      return
    }
    this.#events += 1
    this.#observe(event.logsource, event.fields)
    const rules = this.#revision.match(event)
    if (rules.length === 0) return
    this.#matched += 1
    for (const rule of rules) {
      add(this.#hits, rule.id)
      for (const { techniqueId, subTechniqueId } of emitsOf(rule, event)) {
        add(this.#techniques, subTechniqueId || techniqueId)
      }
    }
    this.#options.onMatch?.(rules, event, this.#records)
  }

  result(): RunResult {
    return {
      records: this.#records,
      events: this.#events,
      refused: Object.fromEntries(this.#refused),
      matched: this.#matched,
      hits: byCount(this.#hits),
      techniques: byCount(this.#techniques),
      observations: { sources: [...this.#seen.values()] },
    }
  }

  #observe(logsource: LogSource, fields: Readonly<Record<string, unknown>>): void {
    const key = JSON.stringify([logsource.product, logsource.service, logsource.category])
    let seen = this.#seen.get(key)
    if (seen === undefined) {
      if (this.#seen.size >= sourcesMax) return
      seen = { logsource, fields: new Set() }
      this.#seen.set(key, seen)
    }
    for (const name of Object.keys(fields)) {
      if (seen.fields.size < fieldsMax) seen.fields.add(name.toLowerCase())
    }
  }
}

/** A line as a record; undefined when it is no JSON object. */
export function parseRecord(line: string): ParsedRecord | undefined {
  try {
    const value: unknown = JSON.parse(line)
    // An object that is no array has string keys: that is all a ParsedRecord is.
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as ParsedRecord)
      : undefined
  } catch {
    return undefined
  }
}

function add(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1)
}

function byCount(counts: ReadonlyMap<string, number>): Readonly<Record<string, number>> {
  return Object.fromEntries([...counts].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1)))
}
