/**
 * Tests from other tools as records of `ttp.tests`: VECTR exports (CSV, JSON), execution logs of Atomic
 * Red Team (CSV), and plain CSV.
 *
 * Contract: columns are known by name, whatever their case and punctuation; those that are not known
 * travel along under `source`. A test's id depends on what it says alone, so that importing a file
 * again changes nothing. A time without a zone is a problem unless a zone is given.
 */

import { sha256Hex } from '../../core/hash.ts'
import { formatProblems } from '../../schemas/check.ts'
import { parseTest } from '../../schemas/test.ts'
import { parseCsv } from './csv.ts'

export type ImportFormat = 'vectr' | 'atomic' | 'csv'

export interface ImportedTest {
  readonly line: number
  readonly record: Readonly<Record<string, unknown>>
}

export interface TestImport {
  readonly format: ImportFormat
  /** Column → field; null where it travels along. */
  readonly mapping: ReadonlyMap<string, string | null>
  readonly tests: readonly ImportedTest[]
  readonly problems: readonly { readonly line: number; readonly problem: string }[]
}

interface SourceRow {
  /** Of a CSV the line, of JSON the place in the list. */
  readonly line: number
  readonly values: Readonly<Record<string, unknown>>
}

const columns: Readonly<Record<string, readonly string[]>> = {
  test_id: ['testid', 'testcaseid', 'id', 'uuid'],
  exercise: ['exercise', 'campaign', 'campaignname', 'assessment', 'assessmentname'],
  name: ['name', 'testcase', 'testcasename', 'testname', 'title'],
  technique_id: ['techniqueid', 'technique', 'mitreid', 'attackid', 'mitreattackid', 'ttp'],
  procedure_id: ['procedureid', 'procedure'],
  platform: ['platform', 'os'],
  red_team: ['redteam', 'redteamname'],
  blue_team: ['blueteam', 'blueteamname'],
  hosts: ['hosts', 'host', 'hostname'],
  targets: ['targets', 'target', 'targetassets'],
  users: ['users', 'user', 'username'],
  state: ['state', 'status'],
  outcome: ['outcome'],
  detection_result: ['detectionresult', 'detection'],
  red_started_at: [
    'redstartedat',
    'attackstart',
    'attackstarttime',
    'starttime',
    'executiontimeutc',
  ],
  red_ended_at: ['redendedat', 'attackstop', 'attackstoptime', 'attackend', 'stoptime', 'endtime'],
  blue_started_at: ['bluestartedat', 'detectiontime', 'detectedat'],
  blue_validated_at: ['bluevalidatedat'],
  red_validated_at: ['redvalidatedat'],
}

const lists = new Set(['hosts', 'targets', 'users'])
const times = new Set(Object.keys(columns).filter((field) => field.endsWith('_at')))

/** What VECTR and people call an outcome, as outcome and detection result. */
const outcomes: Readonly<Record<string, readonly [string, string | null]>> = {
  blocked: ['blocked', 'detected'],
  alerted: ['alerted', 'detected'],
  alert: ['alerted', 'detected'],
  detected: ['alerted', 'detected'],
  logged: ['logged', 'partially_detected'],
  none: ['none', 'not_detected'],
  notdetected: ['none', 'not_detected'],
  missed: ['none', 'not_detected'],
  tbd: ['tbd', null],
}

/** Of VECTR: what a status says of the state, and whether the test was run. */
const statuses: Readonly<Record<string, readonly [string, boolean]>> = {
  notperformed: ['draft', false],
  notstarted: ['draft', false],
  abandoned: ['draft', false],
  inprogress: ['red_executing', true],
  paused: ['red_executing', true],
  completed: ['validated', true],
}

/** `zone` is `Z` or an offset such as `+02:00`, for times that name none; '' if there is none. */
export function importTests(
  text: string,
  options: { readonly format?: ImportFormat; readonly zone: string },
): TestImport {
  const isJson = /^\s*[[{]/.test(text)
  const rows = isJson ? jsonRows(text) : csvRows(text)
  const names = [...new Set(rows.flatMap(({ values }) => Object.keys(values)))]
  const format = options.format ?? formatOf(names, isJson)
  const mapping = new Map(names.map((name) => [name, fieldOf(name, format)]))
  const tests: ImportedTest[] = []
  const problems: { line: number; problem: string }[] = []
  for (const { line, values } of rows) {
    const problem = take(values, line)
    if (problem !== null) problems.push({ line, problem })
  }
  return { format, mapping, tests, problems }

  function take(values: SourceRow['values'], line: number): string | null {
    const record = recordOf(values, mapping, format, options.zone)
    if (typeof record === 'string') return record
    const checked = parseTest(record)
    if (!checked.ok) return formatProblems(checked.problems)
    if (record['technique_id'] === undefined) return 'names no technique'
    tests.push({ line, record })
    return null
  }
}

function fieldOf(column: string, format: ImportFormat): string | null {
  const name = plain(column)
  // The GUID is the procedure's: every run of it has the same.
  if (format === 'atomic' && name === 'guid') return 'procedure_id'
  const found = Object.entries(columns).find(([, names]) => names.includes(name))
  return found?.[0] ?? null
}

function formatOf(names: readonly string[], isJson: boolean): ImportFormat {
  const known = new Set(names.map(plain))
  if (known.has('executiontimeutc') && known.has('technique')) return 'atomic'
  if (isJson || known.has('mitreid') || known.has('testcasename')) return 'vectr'
  return 'csv'
}

/** The record, or what is wrong. */
function recordOf(
  values: SourceRow['values'],
  mapping: TestImport['mapping'],
  format: ImportFormat,
  zone: string,
): Record<string, unknown> | string {
  const record: Record<string, unknown> = {}
  const source: Record<string, unknown> = {}
  for (const [column, value] of Object.entries(values)) {
    const field = mapping.get(column) ?? null
    if (isEmpty(value)) continue
    if (field === null) source[column] = value
    else if (lists.has(field)) record[field] = listOf(value)
    else if (times.has(field)) {
      const time = timeOf(value, plain(column).endsWith('utc') ? 'Z' : zone)
      if (time === null) return `${column}: ${JSON.stringify(value)} is no time with a zone`
      record[field] = time
    } else record[field] = typeof value === 'string' ? value.trim() : value
  }
  judge(record, format)
  if (Object.keys(source).length > 0) record['source'] = source
  record['test_id'] ??= `${format}:${identity(record)}`
  return record
}

/** Brings what others call states and outcomes into ours. */
function judge(record: Record<string, unknown>, format: ImportFormat): void {
  if (format === 'atomic') {
    record['executed'] = true
    record['state'] ??= 'blue_evaluating'
    if (record['procedure_id'] !== undefined) {
      record['procedure_id'] = `atomic:${String(record['procedure_id'])}`
    }
    return
  }
  const outcome = outcomes[plain(String(record['outcome'] ?? ''))]
  if (outcome !== undefined) {
    record['outcome'] = outcome[0]
    if (outcome[1] !== null) record['detection_result'] ??= outcome[1]
  }
  const status = statuses[plain(String(record['state'] ?? ''))]
  if (status === undefined) return
  record['executed'] = status[1]
  // A completed test without an outcome still waits for one.
  const isOpen = status[0] === 'validated' && record['detection_result'] === undefined
  record['state'] = isOpen ? 'in_review' : status[0]
}

/** The same run in the same file has the same id, in whatever order the columns stand. */
function identity(record: Readonly<Record<string, unknown>>): string {
  const named = ['exercise', 'name', 'technique_id', 'procedure_id', 'hosts', 'targets']
  const parts = [...named, 'red_started_at'].map((field) => record[field] ?? null)
  return sha256Hex(JSON.stringify(parts)).slice(0, 24)
}

function timeOf(value: unknown, zone: string): string | number | null {
  if (typeof value === 'number') return value
  const text = String(value).trim()
  if (/^\d{13}$/.test(text)) return Number(text)
  const [, date, time, seconds = ':00', own = zone] =
    /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d)(:\d\d(?:\.\d{1,9})?)?\s?(Z|[+-]\d\d:?\d\d)?$/.exec(text) ??
    []
  if (date === undefined || own === '') return null
  const ms = Date.parse(`${date}T${time}${seconds}${own}`)
  return Number.isNaN(ms) ? null : new Date(ms).toISOString()
}

function listOf(value: unknown): readonly string[] {
  const items = Array.isArray(value) ? value : String(value).split(/[;,|]/)
  return items
    .map((item: unknown) => String(isNamed(item) ? item.name : item).trim())
    .filter((item) => item !== '')
}

function isNamed(item: unknown): item is { name: unknown } {
  return typeof item === 'object' && item !== null && 'name' in item
}

function isEmpty(value: unknown): boolean {
  return value === null || value === undefined || value === ''
}

function plain(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]/g, '')
}

function csvRows(text: string): readonly SourceRow[] {
  const [head, ...rows] = parseCsv(text)
  const names = head?.cells.map((name) => name.trim()) ?? []
  return rows.map(({ line, cells }) => ({
    line,
    values: Object.fromEntries(names.map((name, index) => [name, cells[index] ?? ''])),
  }))
}

const depthMax = 12

/** A list of tests, or campaigns with their test cases however deep they lie. */
function jsonRows(text: string): readonly SourceRow[] {
  const rows: SourceRow[] = []
  const walk = (value: unknown, key: string, exercise: unknown, depth: number): void => {
    if (depth > depthMax || typeof value !== 'object' || value === null) return
    if (Array.isArray(value)) {
      for (const item of value) walk(item, key, exercise, depth + 1)
      return
    }
    if (key === '' || /tests?cases?$|tests$|^data$/.test(plain(key))) {
      const members = Object.entries(value)
      if (members.some(([name]) => fieldOf(name, 'vectr') === 'technique_id')) {
        const inherited = exercise === undefined ? {} : { exercise }
        rows.push({ line: rows.length + 1, values: { ...inherited, ...value } })
        return
      }
    }
    const named = /campaigns?$|assessments?$/.test(plain(key)) && isNamed(value)
    const own = named ? value.name : exercise
    for (const [name, member] of Object.entries(value)) walk(member, name, own, depth + 1)
  }
  walk(JSON.parse(text), '', undefined, 0)
  return rows
}
