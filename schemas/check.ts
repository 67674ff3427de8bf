import type { z } from 'zod'

/** What is wrong with one place of a record, and what to do about it. */
export interface Problem {
  /** `detections[0].triggered`; '' is the record itself. */
  readonly path: string
  readonly message: string
}

export type Checked<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problems: readonly Problem[] }

/** More than this says nothing new, and a hostile record could make thousands. */
const problemsMax = 20

/** Checks `input` against a contract and gives every problem, not the first. */
export function check<Schema extends z.ZodType>(
  schema: Schema,
  input: unknown,
): Checked<z.output<Schema>> {
  const result = schema.safeParse(input, { reportInput: true })
  if (result.success) return { ok: true, value: result.data }
  const problems = result.error.issues.flatMap((issue) => problemsOf(issue, []))
  return { ok: false, problems: problems.slice(0, problemsMax) }
}

/** `hosts[0]: expected text, got a number; clear: …` */
export function formatProblems(problems: readonly Problem[]): string {
  return problems
    .map(({ path, message }) => (path === '' ? message : `${path}: ${message}`))
    .join('; ')
}

export function pathText(path: readonly PropertyKey[]): string {
  let text = ''
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`
    else text += text === '' ? String(step) : `.${String(step)}`
  }
  return text
}

type Issue = z.core.$ZodIssue

function problemsOf(issue: Issue, parent: readonly PropertyKey[]): readonly Problem[] {
  const path = [...parent, ...issue.path]
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      path: pathText([...path, key]),
      message: 'is not a known key',
    }))
  }
  // A union says only that no branch fits; where one branch got further, its problem is the one.
  if (issue.code === 'invalid_union') {
    const branches = issue.errors.filter((issues) => issues.length > 0)
    const deepest = branches.toSorted((a, b) => depthOf(b) - depthOf(a))[0]?.[0]
    if (deepest !== undefined && (deepest.path.length > 0 || deepest.code === 'custom')) {
      return problemsOf(deepest, path)
    }
  }
  return [{ path: pathText(path), message: messageOf(issue) }]
}

function depthOf(issues: readonly Issue[]): number {
  return Math.max(...issues.map((issue) => issue.path.length + (issue.code === 'custom' ? 0.5 : 0)))
}

function messageOf(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_type':
      return issue.input === undefined
        ? `is missing; it must be ${nounOf(issue.expected)}`
        : `must be ${nounOf(issue.expected)}, not ${kindOf(issue.input)}`
    case 'invalid_value':
      return issue.input === undefined
        ? `is missing; it must be one of ${listOf(issue.values)}`
        : `must be one of ${listOf(issue.values)}, not ${shown(issue.input)}`
    case 'too_big':
      return `is too ${issue.origin === 'number' ? 'large' : 'long'}: at most ${issue.maximum}`
    case 'too_small':
      return issue.minimum === 1 && issue.origin !== 'number'
        ? 'must not be empty'
        : `is too small: at least ${issue.minimum}`
    case 'invalid_union':
      return issue.input === undefined ? 'is missing' : `cannot be ${kindOf(issue.input)}`
    default:
      return issue.message
  }
}

function nounOf(expected: string): string {
  return nouns[expected] ?? expected
}

const nouns: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object',
}

function kindOf(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'a list'
  return nounOf(typeof value)
}

function listOf(values: readonly unknown[]): string {
  return values.map((value) => String(value)).join(', ')
}

/** A short scalar as it was sent; anything else by its kind, so that no content leaks into a reason. */
export function shown(value: unknown): string {
  if (typeof value === 'string') {
    return value.length > 40 ? `\`${value.slice(0, 40)}…\`` : `\`${value}\``
  }
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : kindOf(value)
}
