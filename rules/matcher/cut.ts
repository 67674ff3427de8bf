import { arrayDepthMax, type Scalar, someScalar } from '../value.ts'

/**
 * Over-long values, cut (R8): a text after `charsMax` UTF-16 units, which are bytes for ASCII; an
 * array once its texts are that long together. The work of any rule on any value is bounded by it.
 */

/** What an element costs of its array's budget at least: looking at it is not free. */
const elementCharsMin = 16

export function isOverLong(value: unknown, charsMax: number): boolean {
  if (typeof value === 'string') return value.length > charsMax
  return Array.isArray(value) && spent(value, charsMax, 0, 0) > charsMax
}

/** An array comes back flat, which means the same to every leaf that looks at one value at a time. */
export function cut(value: unknown, charsMax: number): unknown {
  if (typeof value === 'string') return value.slice(0, charsMax)
  let left = charsMax
  const kept: Scalar[] = []
  someScalar(value, (scalar) => {
    kept.push(typeof scalar === 'string' ? scalar.slice(0, left) : scalar)
    left -= costOf(scalar)
    return left <= 0
  })
  return kept
}

/** `total` and what `value` costs; stops counting beyond `charsMax`. */
function spent(value: unknown, charsMax: number, total: number, depth: number): number {
  if (!Array.isArray(value) || depth >= arrayDepthMax) return total + costOf(value)
  let sum = total
  for (const element of value) {
    sum = spent(element, charsMax, sum, depth + 1)
    if (sum > charsMax) break
  }
  return sum
}

function costOf(value: unknown): number {
  return typeof value === 'string' ? Math.max(value.length, elementCharsMin) : elementCharsMin
}
