/**
 * Reads one place of a parsed record by its dotted path, compiled once.
 *
 *     path = step *("." step)     Event.System.Provider.#attributes.Name
 *
 * Contract: `a.b` is first the path, then one flat key of that name. An array on the way stands for
 * each of its elements, and their values come back as an array. `*` is the first member that is an
 * object.
 */

export type Scope = Readonly<Record<string, unknown>>
export type Reader = (scope: Scope) => unknown

export function readerOf(path: string): Reader {
  if (path === '') return (scope) => scope
  const steps = path.split('.')
  const first = steps[0] ?? ''
  if (steps.length === 1) return (scope) => scope[first]
  return (scope) => {
    const value = scope[first]
    return value === undefined ? scope[path] : walk(value, steps, 1)
  }
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

const elementsMax = 1_000

function walk(value: unknown, steps: readonly string[], at: number): unknown {
  if (at === steps.length) return value
  if (Array.isArray(value)) {
    const found = value
      .slice(0, elementsMax)
      .map((element) => walk(element, steps, at))
      .filter((element) => element !== undefined)
    return found.length === 0 ? undefined : found
  }
  if (!isObject(value)) return undefined
  const step = steps[at] ?? ''
  const next = step === '*' ? Object.values(value).find(isObject) : value[step]
  return walk(next, steps, at + 1)
}
