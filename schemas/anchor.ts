import { canonicalAddress } from './address.ts'
import { idCharsMax, nameCharsMax } from './scalar.ts'

/** Values of a record as the texts of rows: anchors, ids, command lines. '' is absent. */

/** Longest command text a row keeps; rules see all of it. */
export const commandCharsMax = 65_536

/** A text or number, or the first of a list. */
export function scalarText(value: unknown): string {
  if (typeof value === 'string') return value
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  if (!Array.isArray(value)) return ''
  const [first] = value
  return typeof first === 'string' || typeof first === 'number' ? String(first) : ''
}

export function nameText(value: unknown): string {
  const text = scalarText(value).trim()
  return text.length > nameCharsMax ? text.slice(0, nameCharsMax) : text
}

export function idText(value: unknown): string {
  const text = scalarText(value).trim()
  return text.length > idCharsMax ? text.slice(0, idCharsMax) : text
}

/** An address in its one form; another id as it is. */
export function attackerText(value: unknown): string {
  const text = idText(value)
  return text === '' ? '' : canonicalAddress(text) || text
}

export function commandText(text: string): string {
  return text.length > commandCharsMax ? text.slice(0, commandCharsMax) : text
}
