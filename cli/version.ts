import { existsSync, readFileSync } from 'node:fs'

/** Of package.json, which lies one level up in the sources and two in dist/. */
export const version: string = readVersion()

function readVersion(): string {
  for (const path of ['../package.json', '../../package.json']) {
    const url = new URL(path, import.meta.url)
    if (!existsSync(url)) continue
    const parsed: { version?: unknown } = JSON.parse(readFileSync(url, 'utf8'))
    return String(parsed.version)
  }
  return '0.0.0'
}
