/** Recordings of adversary emulations, labelled by a `manifest.json` beside them. */

import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { gunzipSync } from 'node:zlib'
import { z } from 'zod'
import { ConfigError, messageOf } from '../core/error.ts'
import { isRefusal } from '../schemas/source.ts'
import { builtinSources } from '../schemas/source-set.ts'

const manifest = z.array(
  z.object({
    id: z.string(),
    title: z.string(),
    attack: z
      .array(z.object({ technique: z.string(), sub: z.string().nullish() }))
      .min(1)
      .max(50),
    file: z.string(),
  }),
)

export interface LabelledRecording {
  readonly id: string
  readonly title: string
  /** Most specific ids. */
  readonly techniques: readonly string[]
  readonly file: string
}

/** Throws `ConfigError` where the manifest is missing or not one. */
export function readManifest(folder: string): readonly LabelledRecording[] {
  const file = join(folder, 'manifest.json')
  try {
    return manifest.parse(JSON.parse(readFileSync(file, 'utf8'))).map((entry) => ({
      id: entry.id,
      title: entry.title,
      techniques: [...new Set(entry.attack.map(({ technique, sub }) => sub || technique))],
      file: join(folder, entry.file),
    }))
  } catch (cause) {
    throw new ConfigError('bad-recordings', `${file} cannot be used: ${messageOf(cause)}`, {
      cause,
    })
  }
}

/** One record a line; `.gz` or plain. */
export function readLines(file: string): readonly string[] {
  const bytes = readFileSync(file)
  const text = (file.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8')
  return text.split('\n').filter((line) => line !== '')
}

export interface Survey {
  readonly machines: readonly string[]
  readonly firstMs: number
  readonly lastMs: number
}

/** Machines and times as the engine will read them; records without a time have `nowMs`. */
export function surveyOf(lines: readonly string[], nowMs: number): Survey {
  const sources = builtinSources()
  const machines = new Set<string>()
  let firstMs = Number.POSITIVE_INFINITY
  let lastMs = 0
  for (const line of lines) {
    const json = Buffer.from(line)
    const at = { log: '', topic: '', partition: 0, offset: 0, recordTimeMs: nowMs, json }
    const event = sources.read(JSON.parse(line), at)
    if (isRefusal(event)) continue
    if (event.host !== '') machines.add(event.host)
    firstMs = Math.min(firstMs, event.eventTimeMs)
    lastMs = Math.max(lastMs, event.eventTimeMs)
  }
  return { machines: [...machines].sort(), firstMs: Math.min(firstMs, lastMs), lastMs }
}

/** A folder of rules; an archive (.tgz, .tar.gz) is unpacked under `dataDir`. */
export async function ruleFolder(path: string, dataDir: string): Promise<string> {
  if (!existsSync(path)) throw new ConfigError('rules-missing', `${path} is not there.`)
  if (!/\.(tgz|tar\.gz)$/.test(path)) return path
  const folder = join(dataDir, 'rules')
  mkdirSync(folder, { recursive: true })
  await promisify(execFile)('tar', ['-xzf', path, '-C', folder])
  return folder
}
