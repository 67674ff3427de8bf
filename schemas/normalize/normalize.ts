import type { Fields } from '../event.ts'
import { normalizeShell } from './shell.ts'
import { decodeUrl, urlTextMax } from './url.ts'

/**
 * Fields that rules may read besides those the producer sent: what a shell line runs and what a URL
 * says once nothing hides it.
 *
 * Contract: pure and total. An event that has nothing to derive from is returned itself, not a
 * copy. A derived field is always ours: a producer's field of that name is replaced.
 */

const shellsOfWindows = /^(?:cmd|command|powershell|pwsh)(?:\.exe)?$/i
/** A drive, a UNC or NT path or `%VARIABLE%` in front: quoting rules of another world. */
const windowsPath = /^\s*"?(?:[A-Za-z]:\\|\\\\|\\\?\?\\|%[A-Za-z]+%)/
const windowsProgram = /\.exe(?:["\s]|$)/i
/** Paths that have backslashes on Windows only. */
const windowsFields = ['Image', 'ParentImage', 'CurrentDirectory']
const httpTextsMax = 64

export function normalizeFields(kind: string, fields: Fields): Fields {
  const commandText = fields['command_text']
  const rawUrl = fields['raw_url']
  const isShell = typeof commandText === 'string' && !isWindows(kind, commandText, fields)
  const isHttp = kind === 'http_request'
  if (!isShell && typeof rawUrl !== 'string' && !isHttp) return fields
  const derived: Record<string, unknown> = {}
  if (isShell) {
    const { line, commands } = normalizeShell(commandText)
    derived['shell_line'] = line
    derived['shell_commands'] = commands
  }
  if (typeof rawUrl === 'string') derived['url_decoded'] = decodeUrl(rawUrl)
  if (isHttp) derived['http_decoded'] = httpTexts(fields)
  return { ...fields, ...derived }
}

function isWindows(kind: string, line: string, fields: Fields): boolean {
  const shell = fields['shell']
  if (typeof shell === 'string' && shell !== '') return shellsOfWindows.test(shell)
  if (kind === 'process' && windowsFields.some((name) => hasBackslash(fields[name]))) return true
  const head = line.slice(0, 512)
  return windowsPath.test(head) || (kind === 'process' && windowsProgram.test(head))
}

function hasBackslash(value: unknown): boolean {
  return typeof value === 'string' && value.includes('\\')
}

/** Everything of a request that a server may log or evaluate, decoded like its URL. */
function httpTexts(fields: Fields): readonly string[] {
  const headers = fields['headers']
  const values = [
    fields['raw_url'],
    fields['user_agent'],
    fields['referer'],
    fields['body'],
    ...(typeof headers === 'object' && headers !== null ? Object.values(headers) : []),
  ]
  const texts = values.slice(0, httpTextsMax).filter((value) => typeof value === 'string')
  let budget = urlTextMax
  return texts.flatMap((text) => {
    if (text === '' || budget <= 0) return []
    const head = text.slice(0, budget)
    budget -= head.length
    return [decodeUrl(head)]
  })
}
