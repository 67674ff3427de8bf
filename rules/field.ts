import type { Fields } from '../schemas/event.ts'
import { arrayDepthMax } from './value.ts'

/**
 * The value of a field by name: the whole name first (`event.action` as a flat key), then as a path
 * (`event` → `action`). On a path an array stands for each of its elements; their values come back
 * as an array. Undefined when there is none.
 */
export function fieldValue(fields: Fields, name: string): unknown {
  if (Object.hasOwn(fields, name)) return fields[name]
  if (!name.includes('.')) return undefined
  return atPath(fields, name.split('.'), 0, 0)
}

/** `fieldValue` for a name that is asked for again and again: its path is cut once. */
export function fieldReader(name: string): (fields: Fields) => unknown {
  const path = name.split('.')
  return (fields) => {
    if (Object.hasOwn(fields, name)) return fields[name]
    return path.length === 1 ? undefined : atPath(fields, path, 0, 0)
  }
}

function atPath(value: unknown, path: readonly string[], step: number, depth: number): unknown {
  if (step === path.length) return value
  if (typeof value !== 'object' || value === null || depth > arrayDepthMax) return undefined
  if (Array.isArray(value)) {
    const found = value
      .map((element) => atPath(element, path, step, depth + 1))
      .filter((element) => element !== undefined)
    return found.length === 0 ? undefined : found
  }
  const key = path[step] ?? ''
  if (!Object.hasOwn(value, key)) return undefined
  return atPath(Reflect.get(value, key), path, step + 1, depth)
}
