import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'

const all = fileURLToPath(new URL('../../shared/data/recordings', import.meta.url))
const bundled = fileURLToPath(new URL('../examples/sample', import.meta.url))

/** `count` real Windows events: all recordings where they are beside the project, else the bundled ones, repeated. */
export function eventLines(count: number): readonly string[] {
  const folder = existsSync(all) ? all : bundled
  const lines: string[] = []
  const files = readdirSync(folder).filter(
    (name) => name.startsWith('SDWIN') && name.endsWith('.gz'),
  )
  while (lines.length < count) {
    for (const file of files) {
      const text = gunzipSync(readFileSync(join(folder, file))).toString('utf8')
      for (const line of text.trimEnd().split('\n')) if (lines.length < count) lines.push(line)
    }
  }
  return lines
}
