import { createReadStream, existsSync, readdirSync, readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { createGunzip } from 'node:zlib'
import { expect, test } from 'vitest'
import type { SourceEvent } from './event.ts'
import { isRefusal } from './source.ts'
import { builtinSources } from './source-set.ts'

/**
 * Real events: 59 recordings of adversary emulations and SigmaHQ's regression samples. Each recording
 * is read up to a sample; RECORDINGS=all reads every event.
 */

const data = fileURLToPath(new URL('../../shared/data/', import.meta.url))
const isThere = existsSync(data)
if (!isThere) process.stderr.write(`skipped: no recordings at ${data}\n`)
const readAll = process.env['RECORDINGS'] === 'all'
const sample = readAll ? Number.POSITIVE_INFINITY : 250

const sources = builtinSources()
const recordTimeMs = Date.UTC(2026, 10, 20)

function read(text: string, offset: number): SourceEvent {
  const at = { log: 'l', topic: 'c', partition: 0, offset, recordTimeMs, json: Buffer.from(text) }
  const event = sources.read(JSON.parse(text), at)
  if (isRefusal(event)) throw new Error(`${event.refused}: ${event.reason}`)
  return event
}

test.skipIf(!isThere)(
  'every recorded event is recognised, with its machine, its channel and a time of its own',
  { timeout: 300_000 },
  async () => {
    const files = readdirSync(`${data}recordings`).filter((name) => name.endsWith('.ndjson.gz'))
    expect(files).toHaveLength(59)
    let events = 0
    let estimated = 0
    const kinds = new Map<string, number>()
    const ids = new Set<string>()
    for (const file of files) {
      const input = createReadStream(`${data}recordings/${file}`)
      const lines = createInterface({ input: input.pipe(createGunzip()) })
      let taken = 0
      for await (const line of lines) {
        if (taken >= sample) break
        taken += 1
        const event = read(line, events)
        expect(event.source).toBe('windows-flat')
        expect(event.host).toMatch(/^[a-z0-9.-]+$/)
        expect(event.host).not.toContain('wec')
        expect(event.isTimeCapped).toBe(false)
        kinds.set(event.kind, (kinds.get(event.kind) ?? 0) + 1)
        ids.add(`${file}:${event.id}`)
        estimated += Number(event.isTimeEstimated)
        events += 1
      }
      input.destroy()
    }
    expect(ids.size).toBeGreaterThan(events * 0.99)
    expect(kinds.get('process')).toBeGreaterThan(50)
    expect(kinds.get('process_access')).toBeGreaterThan(1_000)
    if (readAll) {
      expect(events).toBe(330_366)
      // One export wrote local times only, and no zone.
      expect(estimated).toBe(235)
    }
  },
)

test.skipIf(!isThere)("every sample of the rules' own regression tests is a Windows event", () => {
  const lines = readFileSync(`${data}sigmahq-regression.ndjson`, 'utf8').trim().split('\n')
  let events = 0
  for (const line of lines) {
    const { events: samples } = JSON.parse(line)
    for (const record of samples) {
      const { System } = record.Event
      const event = read(JSON.stringify(record), events)
      expect(event).toMatchObject({ source: 'windows-evtx', isTimeEstimated: false })
      expect(event.id).toMatch(/^win:/)
      expect(event.fields).toMatchObject({
        EventID: System.EventID,
        Channel: System.Channel,
        Computer: System.Computer,
        Provider_Name: System.Provider['#attributes'].Name,
      })
      expect(event.logsource.service).toBeDefined()
      events += 1
    }
  }
  expect(events).toBe(120)
})
