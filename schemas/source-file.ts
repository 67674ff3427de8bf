import { EVENT_ID, type Event, getScalarValue, load, parseEvents } from 'js-yaml'
import type { Diagnostic } from '../core/diagnostic.ts'
import { messageOf } from '../core/error.ts'
import { check, pathText } from './check.ts'
import { type Definition, definition } from './source-definition.ts'

/** One source file: YAML in, a checked definition or diagnostics with line and column out. */

const fileCharsMax = 262_144
const depthMax = 40

export type SourceFile =
  | { readonly ok: true; readonly definition: Definition; readonly diagnose: Diagnose }
  | { readonly ok: false; readonly diagnostics: readonly Diagnostic[] }

/** A diagnostic at a path such as `fields.replace.EventID`, or at an offset. */
export type Diagnose = (code: string, message: string, at: string | number) => Diagnostic

export function parseSourceFile(file: string, text: string): SourceFile {
  const diagnose = diagnoser(file, text)
  const refuse = (code: string, message: string, at: number): SourceFile => ({
    ok: false,
    diagnostics: [diagnose(code, message, at)],
  })
  if (text.length > fileCharsMax) {
    return refuse('file-too-large', `this file is longer than ${fileCharsMax} characters`, 0)
  }
  let value: unknown
  try {
    value = load(text, { maxDepth: depthMax })
  } catch (thrown) {
    return refuse('yaml', reasonOf(thrown), offsetOf(thrown))
  }
  const checked = check(definition, value)
  if (checked.ok) return { ok: true, definition: checked.value, diagnose }
  return {
    ok: false,
    diagnostics: checked.problems.map(({ path, message }) =>
      diagnose('source-definition', path === '' ? message : `${path}: ${message}`, path),
    ),
  }
}

function reasonOf(thrown: unknown): string {
  const hasReason = typeof thrown === 'object' && thrown !== null && 'reason' in thrown
  return hasReason && typeof thrown.reason === 'string' ? thrown.reason : messageOf(thrown)
}

function offsetOf(thrown: unknown): number {
  if (typeof thrown !== 'object' || thrown === null || !('mark' in thrown)) return 0
  const { mark } = thrown
  if (typeof mark !== 'object' || mark === null || !('position' in mark)) return 0
  return typeof mark.position === 'number' ? mark.position : 0
}

function diagnoser(file: string, text: string): Diagnose {
  let offsets: ReadonlyMap<string, number> | undefined
  return (code, message, at) => {
    if (typeof at === 'string') offsets ??= offsetsOf(text)
    const offset = typeof at === 'number' ? at : nearest(offsets ?? new Map(), at)
    const start = offset === 0 ? 0 : text.lastIndexOf('\n', offset - 1) + 1
    const end = text.indexOf('\n', start)
    const line = text.slice(start, end === -1 ? undefined : end)
    return {
      severity: 'error',
      code,
      message,
      file,
      line: text.slice(0, start).split('\n').length,
      column: offset - start + 1,
      ...(line.trim() === '' ? {} : { excerpt: { text: line, length: 1 } }),
    }
  }
}

/** The offset of the deepest part of `path` that the file has. */
function nearest(offsets: ReadonlyMap<string, number>, path: string): number {
  for (let head = path; head !== ''; ) {
    const offset = offsets.get(head)
    if (offset !== undefined) return offset
    head = head.slice(0, Math.max(0, head.lastIndexOf('.'), head.lastIndexOf('[')))
  }
  return 0
}

/** Where each member and element of a document starts, by its path. */
function offsetsOf(text: string): ReadonlyMap<string, number> {
  const offsets = new Map<string, number>()
  let events: readonly Event[]
  try {
    events = parseEvents(text, { maxDepth: depthMax })
  } catch {
    return offsets
  }
  let next = 1 // after the document event
  const visit = (path: readonly (string | number)[]): void => {
    const event = events[next++]
    if (event?.type === EVENT_ID.SEQUENCE) {
      for (let index = 0; isInside(events[next]); index += 1) {
        const start = startOf(events[next])
        if (start !== undefined) offsets.set(pathText([...path, index]), start)
        visit([...path, index])
      }
      next += 1
    } else if (event?.type === EVENT_ID.MAPPING) {
      while (isInside(events[next])) {
        const key = events[next++]
        if (key?.type !== EVENT_ID.SCALAR) return
        const member = [...path, getScalarValue(text, key)]
        offsets.set(pathText(member), key.valueStart)
        visit(member)
      }
      next += 1
    }
  }
  visit([])
  return offsets
}

function isInside(event: Event | undefined): boolean {
  return event !== undefined && event.type !== EVENT_ID.POP
}

function startOf(event: Event | undefined): number | undefined {
  if (event?.type === EVENT_ID.SCALAR) return event.valueStart
  if (event?.type === EVENT_ID.SEQUENCE || event?.type === EVENT_ID.MAPPING) return event.start
  return undefined
}
