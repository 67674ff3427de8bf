import { createWriteStream, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { finished } from 'node:stream/promises'
import type { LogSource, MatchEvent } from '../schemas/event.ts'
import { recordedEvents } from '../test/sigma/recorded-event.ts'
import { recordings } from '../test/sigma/sigma-hq.ts'

/**
 * The events that are matched, as NDJSON: recorded Windows events, with their log source in three
 * fields of their own, so that every engine is told the same.
 */

/** One event in so many of all recordings. */
const mixedEvery = 3
const processEvents = 20_000

export interface Streams {
  readonly mixed: string
  /** Process creations only, no two with the same command lines, programs or directories. */
  readonly process: string
}

export async function writeStreams(folder: string): Promise<Streams> {
  const streams = { mixed: join(folder, 'mixed.ndjson'), process: join(folder, 'process.ndjson') }
  const mixed = createWriteStream(streams.mixed)
  const creations: Record<string, unknown>[] = []
  let read = 0
  for (const name of readdirSync(recordings)
    .filter((file) => file.endsWith('.gz'))
    .sort()) {
    for await (const event of recordedEvents(join(recordings, name))) {
      const fields = labelled(event)
      if (event.logsource.category === 'process_creation') creations.push(fields)
      read += 1
      if (read % mixedEvery !== 0) continue
      if (!mixed.write(`${JSON.stringify(fields)}\n`)) await drained(mixed)
    }
  }
  mixed.end()
  const process = createWriteStream(streams.process)
  for (let made = 0; made < processEvents; made += 1) {
    const fields = creations[made % creations.length] ?? {}
    if (!process.write(`${JSON.stringify(unique(fields, made))}\n`)) await drained(process)
  }
  process.end()
  await Promise.all([finished(mixed), finished(process)])
  return streams
}

/** The event of one line of a stream. */
export function eventOf(json: Uint8Array, fields: Record<string, unknown>): MatchEvent {
  const { _product: product, _service: service, _category: category } = fields
  const kind = typeof category === 'string' ? category : 'event'
  return {
    kind,
    logsource: logsourceOf(text(product), text(service), text(category)),
    fields,
    json,
  }
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

/** One object for each log source, as a source of the product gives it. */
function logsourceOf(product: string, service: string, category: string): LogSource {
  const key = `${product}/${service}/${category}`
  let known = logsources.get(key)
  if (known === undefined) {
    known = {
      ...(product === '' ? {} : { product }),
      ...(service === '' ? {} : { service }),
      ...(category === '' ? {} : { category }),
    }
    logsources.set(key, known)
  }
  return known
}

const logsources = new Map<string, LogSource>()

/** How another engine is told where the log source lies. */
export const logsourceFields = 'product=_product,service=_service,category=_category'

function labelled({ fields, logsource }: MatchEvent): Record<string, unknown> {
  const { product, service, category } = logsource
  return { ...fields, _product: product, _service: service, _category: category }
}

/** Nothing that remembers values of the event before may profit from a stream that repeats. */
function unique(fields: Readonly<Record<string, unknown>>, index: number): Record<string, unknown> {
  const changed: Record<string, unknown> = { ...fields }
  const mark = (index * 7919).toString(36)
  for (const name of ['CommandLine', 'ParentCommandLine']) {
    if (typeof fields[name] === 'string') changed[name] = `${fields[name]} -id ${mark}`
  }
  for (const name of ['Image', 'ParentImage', 'CurrentDirectory']) {
    const path = fields[name]
    if (typeof path === 'string') changed[name] = path.replace(/\\([^\\]*)$/, `\\d${mark}\\$1`)
  }
  return changed
}

function drained(stream: NodeJS.WritableStream): Promise<void> {
  return new Promise((resolve) => {
    stream.once('drain', resolve)
  })
}
