import { scalarText } from './anchor.ts'
import type { ParsedRecord } from './source.ts'
import type { FieldSources } from './source-definition.ts'
import { type Absent, compileExpression, type Expression } from './source-expression.ts'
import { isObject, type Reader, readerOf } from './source-path.ts'

/** Elements of a list that become fields of their own. */
const elementsMax = 256

/**
 * Flat fields from a nested record. The first object of `from` is itself extended, not copied: the
 * record is not read again.
 */
export function compileFields(sources: FieldSources): (record: ParsedRecord) => ParsedRecord {
  const objects = sources.from.map(readerOf)
  const pairs = sources.pairs.map(({ list, name, value }) => ({
    list: readerOf(list),
    name: compileExpression(name, nothingAbsent),
    value: compileExpression(value, nothingAbsent),
  }))
  const numbered = sources.numbered.map(({ list, prefix }) => ({ list: readerOf(list), prefix }))
  const replace = compileSetters(sources.replace)
  const set = compileSetters(sources.set)
  return (record) => {
    const found = objects.map((read) => read(record)).filter(isObject)
    // Read before anything is set: the first object is part of the record.
    const replaced = replace.map(({ read }) => read(record))
    const added = set.map(({ read }) => read(record))
    const lists = pairs.map(({ list }) => list(record))
    const numberedLists = numbered.map(({ list }) => list(record))
    const fields = found[0] ?? {}
    for (const other of found.slice(1)) addMissing(fields, other)
    pairs.forEach(({ name, value }, index) => {
      addPairs(fields, lists[index], name, value)
    })
    numbered.forEach(({ prefix }, index) => {
      const list = numberedLists[index]
      if (!Array.isArray(list)) return
      list.slice(0, elementsMax).forEach((element: unknown, at) => {
        fields[`${prefix}${at}`] = element
      })
    })
    replace.forEach(({ field }, index) => {
      if (replaced[index] !== undefined) fields[field] = replaced[index]
    })
    set.forEach(({ field }, index) => {
      if (added[index] !== undefined) fields[field] ??= added[index]
    })
    return fields
  }
}

const nothingAbsent: Absent = new Set()

function compileSetters(
  setters: Readonly<Record<string, Expression>>,
): readonly { field: string; read: Reader }[] {
  return Object.entries(setters).map(([field, source]) => ({
    field,
    read: compileExpression(source, nothingAbsent),
  }))
}

/** Adds members that are not there. `__proto__` would replace the prototype, not add a member. */
export function addMissing(target: ParsedRecord, source: ParsedRecord): void {
  for (const key of Object.keys(source)) {
    if (key !== '__proto__' && target[key] === undefined) target[key] = source[key]
  }
}

function addPairs(fields: ParsedRecord, list: unknown, name: Reader, value: Reader): void {
  if (!Array.isArray(list)) return
  for (const pair of list.slice(0, elementsMax)) {
    if (!isObject(pair)) continue
    const field = scalarText(name(pair))
    if (field !== '' && field !== '__proto__') fields[field] = value(pair) ?? ''
  }
}
