/** What is fuzzed in process. A target throws, or says what it counted wrong: either is a finding. */

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { createProcessors } from '../../cli/processors.ts'
import { packFolders } from '../../cli/rule-folders.ts'
import { readConfig } from '../../core/config.ts'
import { crc32c } from '../../core/crc32c.ts'
import { parseMark } from '../../processors/engine/intent.ts'
import { parseReplayMark } from '../../processors/engine/replay-mark.ts'
import { budgetOf, decodeRecordSet } from '../../processors/engine/wire/record-set.ts'
import { parseJsonRecord } from '../../processors/json-record.ts'
import type { Processor } from '../../processors/processor.ts'
import { compileRules } from '../../rules/compile.ts'
import { readRuleFolders } from '../../rules/folder-listing.ts'
import { ruleContext } from '../../rules/language/context.ts'
import { buildRuleSet } from '../../rules/rule-set.ts'
import { parseAlert } from '../../schemas/alert.ts'
import { parseCatalog } from '../../schemas/catalog.ts'
import { compileSource } from '../../schemas/source-compile.ts'
import { parseSourceFile } from '../../schemas/source-file.ts'
import { parseTest } from '../../schemas/test.ts'
import { parseTime } from '../../schemas/time.ts'
import { encodeBatch } from '../brokers/record-batch.ts'
import type { Dice } from '../dice.ts'
import { jsonSamples, mutate } from './mutate.ts'

export interface Target {
  readonly name: string
  /** Runs one case; rejects, or throws, with the finding. */
  run(dice: Dice): Promise<void> | void
}

const root = new URL('../../', import.meta.url)
const timeMs = Date.UTC(2026, 10, 20)

export function inProcessTargets(seed: number): readonly Target[] {
  const records = recordSamples(seed)
  return [codecs(records), parsers(records), processors(records), ruleFiles(), sourceFiles()]
}

/** Up to 60 lines of every sample file, and JSON of any shape. */
function recordSamples(seed: number): readonly Buffer[] {
  const folder = fileURLToPath(new URL('examples/sample/', root))
  const lines = readdirSync(folder)
    .filter((name) => /\.ndjson(\.gz)?$/.test(name))
    .flatMap((name) => {
      const bytes = readFileSync(join(folder, name))
      const text = (name.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8')
      return text
        .split('\n')
        .filter((line) => line !== '')
        .slice(0, 60)
    })
  return [...lines.map((line) => Buffer.from(line)), ...jsonSamples(seed, 200)]
}

/** Batches whose checksum holds, so that what lies behind it is reached; every fourth one whose does not. */
function codecs(records: readonly Buffer[]): Target {
  const batches = [false, true].flatMap((isGzip) =>
    [1, 3, 20].map((count) =>
      encodeBatch({ values: records.slice(0, count), isGzip, timestampMs: timeMs }),
    ),
  )
  return {
    name: 'codecs',
    async run(dice) {
      const set = mutate(dice, batches)
      if (set.length > 61 && !dice.once(4)) {
        set.writeInt32BE(set.length - 12, 8)
        set.writeInt8(2, 16)
        if (dice.once(2)) set.writeInt16BE(dice.below(8), 21)
        set.writeUInt32BE(crc32c(set, 21), 17)
      }
      const budget = budgetOf(1 << 20)
      const entries = await decodeRecordSet(set, budget)
      const isWhole =
        set.length >= 12 && set.readInt32BE(8) >= 0 && set.readInt32BE(8) + 12 <= set.length
      if (isWhole && entries.length === 0)
        throw new Error('a whole batch gave no entry: it would be lost')
    },
  }
}

function parsers(records: readonly Buffer[]): Target {
  return {
    name: 'parsers',
    run(dice) {
      const bytes = mutate(dice, records)
      const text = bytes.toString('utf8')
      parseTime(text.slice(0, 60))
      parseMark(text)
      parseReplayMark(text)
      const parsed = parseJsonRecord(bytes, { recordBytesMax: 1 << 20 })
      if (!parsed.ok) return
      parseTest(parsed.value)
      parseAlert(parsed.value)
      parseCatalog(parsed.value, { eventTimeMs: timeMs, validityDays: 180 })
    },
  }
}

/** Every record is an event, a dead letter or a deletion, and the same again the second time. */
function processors(records: readonly Buffer[]): Target {
  const revision = compileRules(buildRuleSet(readRuleFolders(packFolders()), ruleContext()).rules)
  const all: readonly [string, Processor][] = [...createProcessors(readConfig({}))]
  return {
    name: 'processors',
    run(dice) {
      const [topic, processor] = dice.pick(all)
      const value = dice.once(50) ? null : mutate(dice, records)
      const record = { offset: 7, timestampMs: timeMs - dice.below(1_000_000), key: null, value }
      const context = { log: 'l', topic, partition: 0, timeMs, revision, states: new Map() }
      const outcome = processor.process(context, [record])
      const letters = (outcome.rows.dead_letters ?? []).reduce((sum, row) => sum + row.records, 0)
      if (outcome.events + letters + outcome.deletions !== 1) {
        throw new Error(
          `counted ${outcome.events} + ${letters} + ${outcome.deletions} of one record`,
        )
      }
      for (const tag of outcome.rows.tags ?? []) JSON.parse(tag.evidence)
    },
  }
}

/** A rule file gives rules or says what is wrong; what loads can be compiled and run. */
function ruleFiles(): Target {
  const samples = readRuleFolders(packFolders()).flatMap((file) =>
    'text' in file ? [Buffer.from(file.text)] : [],
  )
  const context = ruleContext()
  return {
    name: 'rule files',
    run(dice) {
      const text = mutate(dice, samples, 16_384).toString('utf8')
      const set = buildRuleSet([{ path: 'fuzz.yaml', text }], context)
      const isSilent =
        set.rules.length === 0 && set.correlations.length === 0 && set.diagnostics.length === 0
      if (isSilent && /^\s*[a-z_]+:/m.test(text) && /^(rule_id|title):/m.test(text)) {
        throw new Error('a file with a rule gave neither a rule nor a diagnostic')
      }
    },
  }
}

function sourceFiles(): Target {
  const folder = fileURLToPath(new URL('schemas/sources/', root))
  const samples = readdirSync(folder).map((name) => readFileSync(join(folder, name)))
  return {
    name: 'source files',
    run(dice) {
      const text = mutate(dice, samples, 16_384).toString('utf8')
      const parsed = parseSourceFile('fuzz.yaml', text)
      if (!parsed.ok) {
        if (parsed.diagnostics.length === 0) throw new Error('refused without a diagnostic')
        return
      }
      if (parsed.definition.extends === undefined) compileSource(parsed.definition)
    },
  }
}
