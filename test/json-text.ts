import type { Dice } from './dice.ts'

/** `value` as some producer's JSON: other escapes and other digits, the same value once parsed. */
export function jsonText(value: unknown, dice: Dice): string {
  const style = dice.pick(['plain', 'plain', 'escaped', 'odd'] as const)
  return style === 'plain' ? JSON.stringify(value) : oddText(value, style, dice)
}

function oddText(value: unknown, style: 'escaped' | 'odd', dice: Dice): string {
  if (typeof value === 'string') {
    const units = [
      ...JSON.stringify(value)
        .slice(1, -1)
        .matchAll(/\\u....|\\.|[\s\S]/g),
    ]
    return `"${units.map(([unit]) => oddUnit(unit, style, dice)).join('')}"`
  }
  if (typeof value === 'number') {
    const text = value.toExponential()
    return Number(text) === value && !Object.is(value, -0) ? text : JSON.stringify(value)
  }
  if (Array.isArray(value)) return `[${value.map((one) => oddText(one, style, dice)).join(', ')}]`
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value).map(
      ([name, one]) => `${JSON.stringify(name)} : ${oddText(one, style, dice)}`,
    )
    return `{${members.join(',')}}`
  }
  return JSON.stringify(value)
}

function oddUnit(unit: string, style: 'escaped' | 'odd', dice: Dice): string {
  if (unit === '/') return '\\/'
  if (unit.length > 1) return unit
  const isPlainAscii = unit >= ' ' && unit <= '~'
  if (style === 'odd' ? isPlainAscii : isPlainAscii && !dice.once(6)) return unit
  const hex = unit.charCodeAt(0).toString(16).padStart(4, '0')
  return `\\u${dice.once(2) ? hex : hex.toUpperCase()}`
}
