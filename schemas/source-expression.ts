import { z } from 'zod'
import { isObject, type Reader, readerOf, type Scope } from './source-path.ts'

/**
 * How a source says where a value comes from. A text is a path; a list means the first that is
 * there; an operation makes a value:
 *
 *     Hostname
 *     [RecordNumber, EventRecordID]
 *     { join: [SubjectDomainName, SubjectUserName], with: '\' }    nothing if a part is missing
 *     { from: EventID, map: { 1: process_creation }, default: other }
 *     { from: protocol, lower: true }        upper, number likewise
 *     { value: success, if: result }         a constant, if that path is there
 *     { list: [a, b] }                       all that are there
 *     { members: Event }                     names of the members that are objects
 *
 * Any operation may stand under `when` or `unless`, which name fields and the values they may have.
 * Compiled once to closures; nothing is interpreted per event.
 */

export type Expression = string | readonly Expression[] | Operation

export interface Operation {
  readonly value?: string | number | boolean | undefined
  readonly if?: string | undefined
  readonly from?: Expression | undefined
  readonly number?: boolean | undefined
  readonly lower?: boolean | undefined
  readonly upper?: boolean | undefined
  readonly map?: Readonly<Record<string, Outcome>> | undefined
  readonly default?: Outcome | undefined
  readonly join?: readonly Expression[] | undefined
  readonly with?: string | undefined
  readonly list?: readonly Expression[] | undefined
  readonly members?: string | undefined
  readonly when?: Condition | undefined
  readonly unless?: Condition | undefined
}

/** In a map, text stands for itself. */
export type Outcome = string | number | boolean | Operation
export type Condition = Readonly<Record<string, ConditionValue>>
type ConditionValue = string | number | readonly (string | number)[]

const scalar = z.union([z.string(), z.number(), z.boolean()])
const textOrNumber = z.union([z.string(), z.number()])

export const condition: z.ZodType<Condition> = z.record(
  z.string(),
  z.union([textOrNumber, z.array(textOrNumber).min(1).max(100)]),
)

export const expression: z.ZodType<Expression> = z.lazy(() =>
  z.union([z.string(), z.array(expression).min(1).max(100), operation]),
)

const outcome: z.ZodType<Outcome> = z.lazy(() => z.union([scalar, operation]))

const makers = ['value', 'from', 'join', 'list', 'members'] as const

const operation: z.ZodType<Operation> = z
  .strictObject({
    value: scalar.optional(),
    if: z.string().optional(),
    from: expression.optional(),
    number: z.boolean().optional(),
    lower: z.boolean().optional(),
    upper: z.boolean().optional(),
    map: z.record(z.string(), outcome).optional(),
    default: outcome.optional(),
    join: z.array(expression).min(1).max(100).optional(),
    with: z.string().max(10).optional(),
    list: z.array(expression).min(1).max(100).optional(),
    members: z.string().optional(),
    when: condition.optional(),
    unless: condition.optional(),
  })
  .refine((value) => makers.filter((maker) => value[maker] !== undefined).length === 1, {
    error: `needs exactly one of ${makers.join(', ')}`,
  })

/** Values beside null and '' that mean "nothing". */
export type Absent = ReadonlySet<unknown>

/** The reader answers undefined where there is nothing. */
export function compileExpression(source: Expression, absent: Absent): Reader {
  if (typeof source === 'string') return presentOnly(readerOf(source), absent)
  if (isOperation(source)) return guarded(source, compileOperation(source, absent))
  const readers = source.map((part) => compileExpression(part, absent))
  const [only] = readers
  if (readers.length === 1 && only !== undefined) return only
  return (scope) => {
    for (const read of readers) {
      const value = read(scope)
      if (value !== undefined) return value
    }
    return undefined
  }
}

/** May the value be a text that the record does not hold as it is? */
export function isDerived(source: Expression | Outcome): boolean {
  if (typeof source !== 'object') return false
  if (!isOperation(source)) return source.some(isDerived)
  const { value, join, list, members, map, lower, upper, from } = source
  const isMade = [value, join, list, members, map, lower, upper].some((part) => part !== undefined)
  return isMade || (from !== undefined && isDerived(from))
}

export function compileCondition(source: Condition): (scope: Scope) => boolean {
  const tests = Object.entries(source).map(([path, wanted]) => {
    const values = new Set<unknown>()
    for (const value of Array.isArray(wanted) ? wanted : [wanted]) {
      values.add(value)
      values.add(String(value))
    }
    return { read: readerOf(path), values }
  })
  return (scope) =>
    tests.every(({ read, values }) => {
      const value = read(scope)
      return Array.isArray(value) ? value.some((one) => values.has(one)) : values.has(value)
    })
}

function isOperation(source: Expression | Outcome): source is Operation {
  return isObject(source)
}

function presentOnly(read: Reader, absent: Absent): Reader {
  if (absent.size === 0) {
    return (scope) => {
      const value = read(scope)
      return value === null || value === '' ? undefined : value
    }
  }
  return (scope) => {
    const value = read(scope)
    return value === null || value === '' || absent.has(value) ? undefined : value
  }
}

function guarded(source: Operation, read: Reader): Reader {
  const { when, unless } = source
  if (when === undefined && unless === undefined) return read
  const isWanted = when === undefined ? () => true : compileCondition(when)
  const isUnwanted = unless === undefined ? () => false : compileCondition(unless)
  return (scope) => (isWanted(scope) && !isUnwanted(scope) ? read(scope) : undefined)
}

function compileOperation(source: Operation, absent: Absent): Reader {
  if (source.value !== undefined) return compileConstant(source.value, source.if)
  if (source.join !== undefined) return compileJoin(source.join, source.with ?? '', absent)
  if (source.list !== undefined) return compileList(source.list, absent)
  if (source.members !== undefined) return compileMembers(source.members)
  return compileFrom(source, absent)
}

function compileConstant(value: unknown, path: string | undefined): Reader {
  if (path === undefined) return () => value
  const read = readerOf(path)
  return (scope) => (read(scope) === undefined ? undefined : value)
}

function compileJoin(parts: readonly Expression[], separator: string, absent: Absent): Reader {
  const readers = parts.map((part) => compileExpression(part, absent))
  return (scope) => {
    const texts: string[] = []
    for (const read of readers) {
      const value = read(scope)
      if (value === undefined || isObject(value)) return undefined
      texts.push(Array.isArray(value) ? value.map(elementText).join(separator) : String(value))
    }
    return texts.join(separator)
  }
}

/** What is no scalar may have a `toString` of the producer's making. */
function elementText(value: unknown): string {
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

function compileList(parts: readonly Expression[], absent: Absent): Reader {
  const readers = parts.map((part) => compileExpression(part, absent))
  return (scope) => {
    const values = readers.map((read) => read(scope)).filter((value) => value !== undefined)
    return values.length === 0 ? undefined : values.flat()
  }
}

function compileMembers(path: string): Reader {
  const read = readerOf(path)
  return (scope) => {
    const value = read(scope)
    if (!isObject(value)) return undefined
    return Object.keys(value).filter((key) => typeof value[key] === 'object' && value[key] !== null)
  }
}

function compileFrom(source: Operation, absent: Absent): Reader {
  const read = compileExpression(source.from ?? '', absent)
  const shape = source.lower ? lower : source.upper ? upper : source.number ? numeric : same
  const { map } = source
  const fallback = source.default === undefined ? undefined : compileOutcome(source.default, absent)
  if (map === undefined) {
    return (scope) => {
      const value = read(scope)
      return value === undefined ? fallback?.(scope) : shape(value)
    }
  }
  const table = new Map<unknown, Reader>()
  for (const [key, value] of Object.entries(map)) {
    const result = compileOutcome(value, absent)
    table.set(key, result)
    if (/^\d{1,15}$/.test(key)) table.set(Number(key), result)
  }
  const find = (value: unknown): Reader | undefined => {
    if (!Array.isArray(value)) return table.get(shape(value))
    const hit = value.find((one) => table.has(shape(one)))
    return hit === undefined ? undefined : table.get(shape(hit))
  }
  return (scope) => {
    const value = read(scope)
    const result = (value === undefined ? undefined : find(value)) ?? fallback
    return result?.(scope)
  }
}

function compileOutcome(source: Outcome, absent: Absent): Reader {
  return isOperation(source) ? compileExpression(source, absent) : () => source
}

function same(value: unknown): unknown {
  return value
}

function lower(value: unknown): unknown {
  return typeof value === 'string' ? value.toLowerCase() : value
}

function upper(value: unknown): unknown {
  return typeof value === 'string' ? value.toUpperCase() : value
}

function numeric(value: unknown): unknown {
  return typeof value === 'string' && /^-?\d{1,15}$/.test(value) ? Number(value) : value
}
