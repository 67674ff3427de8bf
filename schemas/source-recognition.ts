import type { ParsedRecord } from './source.ts'
import type { Recognition } from './source-definition.ts'
import { readerOf } from './source-path.ts'

/** Does a record look like this source's? Any of the recognitions will do. */
export function compileRecognition(
  recognitions: readonly Recognition[],
): (record: ParsedRecord) => boolean {
  const tests = recognitions.map(compileOne)
  const [only] = tests
  if (tests.length === 1 && only !== undefined) return only
  return (record) => tests.some((test) => test(record))
}

function compileOne(recognition: Recognition): (record: ParsedRecord) => boolean {
  const has = recognition.has.map(readerOf)
  const lacks = recognition.lacks.map(readerOf)
  const where = Object.entries(recognition.where).map(([path, pattern]) => ({
    read: readerOf(path),
    matches: textTest(pattern),
  }))
  return (record) => {
    for (const read of has) {
      const value = read(record)
      if (value === undefined || value === null) return false
    }
    for (const read of lacks) if (read(record) !== undefined) return false
    return where.every(({ read, matches }) => matches(read(record)))
  }
}

function textTest(pattern: string): (value: unknown) => boolean {
  if (!pattern.endsWith('*')) return (value) => value === pattern
  const prefix = pattern.slice(0, -1)
  return (value) => typeof value === 'string' && value.startsWith(prefix)
}
