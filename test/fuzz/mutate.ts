import fc from 'fast-check'
import type { Dice } from '../dice.ts'

/** One to four small harms to a sample: what a broken disk, a broken producer or an attacker would send. */
export function mutate(dice: Dice, samples: readonly Buffer[], bytesMax = 65_536): Buffer {
  let bytes = Buffer.from(dice.pick(samples))
  for (let times = 1 + dice.below(4); times > 0; times -= 1) bytes = harm(dice, bytes, samples)
  return bytes.subarray(0, bytesMax)
}

/** Any JSON value, as text. */
export function jsonSamples(seed: number, count: number): Buffer[] {
  const values = fc.sample(fc.jsonValue({ maxDepth: 6 }), { seed, numRuns: count })
  return values.map((value) => Buffer.from(JSON.stringify(value)))
}

const tokens = [
  ...['null', '-1', '1e999', '{}', '[]', '""', '\\u0000', '\ud800', 'true', '18446744073709551616'],
  ...[
    '[['.repeat(40),
    '{"a":'.repeat(80),
    'A'.repeat(4_000),
    '%00%2e%2e%2f',
    '\\x',
    '&a *a',
    '!!js',
  ],
  ...[
    '(a+)+$',
    '|',
    '>',
    ': ',
    '- ',
    '\n',
    '\t',
    '\u0024{jndi:ldap://x}',
    '__proto__',
    'constructor',
  ],
].map((text) => Buffer.from(text))

function harm(dice: Dice, bytes: Buffer, samples: readonly Buffer[]): Buffer<ArrayBuffer> {
  const at = dice.below(bytes.length + 1)
  const length = Math.min(bytes.length - at, 1 + dice.below(64))
  const before = bytes.subarray(0, at)
  switch (dice.below(8)) {
    case 0:
      return Buffer.concat([before, bytes.subarray(at + length)])
    case 1:
      return Buffer.concat([before, bytes.subarray(at, at + length), bytes.subarray(at)])
    case 2:
      return Buffer.concat([before, dice.pick(tokens), bytes.subarray(at)])
    case 3:
      return Buffer.concat([before, dice.pick(tokens), bytes.subarray(at + length)])
    case 4:
      return Buffer.from(before)
    case 5: {
      const other = dice.pick(samples)
      return Buffer.concat([before, other.subarray(dice.below(other.length + 1))])
    }
    case 6: {
      const noise = Buffer.from(Array.from({ length }, () => dice.below(256)))
      return Buffer.concat([before, noise, bytes.subarray(at + length)])
    }
    default: {
      const copy = Buffer.from(bytes)
      const index = at % Math.max(1, copy.length)
      if (copy.length > 0) copy[index] = (copy[index] ?? 0) ^ (1 << dice.below(8))
      return copy
    }
  }
}
