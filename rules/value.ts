/**
 * What a value of an event is to a leaf: text, a number, or many values at once.
 *
 * Contract: an array stands for each of its elements, to any depth; objects are containers, never
 * values; text of a number is its shortest decimal form, of a boolean `true` or `false`.
 */

export type Scalar = string | number | boolean

/** Arrays nested deeper than this are not looked into. */
export const arrayDepthMax = 16

/** Does any scalar in `value` pass? Missing, null and objects have none. */
export function someScalar(value: unknown, test: (scalar: Scalar) => boolean, depth = 0): boolean {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') {
    return test(value)
  }
  if (!Array.isArray(value) || depth >= arrayDepthMax) return false
  for (const element of value) if (someScalar(element, test, depth + 1)) return true
  return false
}

/** Does any scalar anywhere in `value`, inside objects too, pass? Names of fields are not values. */
export function someScalarWithin(
  value: unknown,
  test: (scalar: Scalar) => boolean,
  depth = 0,
): boolean {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') {
    return test(value)
  }
  if (typeof value !== 'object' || value === null || depth >= arrayDepthMax) return false
  for (const element of Array.isArray(value) ? value : Object.values(value)) {
    if (someScalarWithin(element, test, depth + 1)) return true
  }
  return false
}

export function textOf(scalar: Scalar): string {
  return typeof scalar === 'string' ? scalar : String(scalar)
}

/**
 * A number, also one that a log wrote as decimal text; NaN for anything else. Leading zeros make it
 * text (`00050429` is an id), and so do hex, blanks and a leading `+`.
 */
export function numberOf(scalar: Scalar): number {
  if (typeof scalar === 'number') return scalar
  if (typeof scalar === 'boolean' || !decimal.test(scalar)) return Number.NaN
  return Number(scalar)
}

const decimal = /^-?(?:0|[1-9]\d{0,20})(?:\.\d{1,20})?$/

/** Missing, null, or an array of nothing else: what Sigma's `null` matches. */
export function isNull(value: unknown): boolean {
  if (value === undefined || value === null) return true
  return Array.isArray(value) && value.every((element) => element === null)
}
