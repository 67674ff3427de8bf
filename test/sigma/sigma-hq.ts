import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import type { RuleFile } from '../../rules/loaded-file.ts'

/** SigmaHQ's rules and samples as they lie beside the project; not part of it. */

const data = fileURLToPath(new URL('../../../shared/data/', import.meta.url))
const archive = `${data}sigmahq-rules-2026-08.tgz`
const samples = `${data}sigmahq-regression.ndjson`

export const recordings = `${data}recordings/`
/** Why tests over this data are skipped; undefined when it is there. */
export const missing = existsSync(archive) ? undefined : `no rules at ${archive}`
if (missing !== undefined) process.stderr.write(`skipped: ${missing}\n`)

/** Every rule file of the archive. */
export function sigmaFiles(): readonly Extract<RuleFile, { text: string }>[] {
  return untar(gunzipSync(readFileSync(archive))).filter(({ path }) => path.endsWith('.yml'))
}

export interface RegressionSample {
  readonly rule_id: string
  readonly title: string
  readonly events: readonly Record<string, unknown>[]
}

export function regressionSamples(): readonly RegressionSample[] {
  const lines = readFileSync(samples, 'utf8').trim().split('\n')
  return lines.map((line): RegressionSample => JSON.parse(line))
}

/** Plain files of a tar archive: 512-byte headers, content padded to 512; GNU's `L` carries a long name. */
function untar(tar: Buffer): { path: string; text: string }[] {
  const files: { path: string; text: string }[] = []
  let longName = ''
  for (let at = 0; at + 512 <= tar.length && tar[at] !== 0; ) {
    const field = (from: number, length: number) =>
      tar.toString('utf8', at + from, at + from + length).replace(/\0.*$/s, '')
    const size = Number.parseInt(field(124, 12), 8)
    const text = tar.toString('utf8', at + 512, at + 512 + size)
    const type = field(156, 1)
    if (type === 'L') longName = text.replace(/\0.*$/s, '')
    else {
      if (type === '0') files.push({ path: longName === '' ? field(0, 100) : longName, text })
      longName = ''
    }
    at += 512 + Math.ceil(size / 512) * 512
  }
  return files
}
