import fc from 'fast-check'
import { expect, test } from 'vitest'
import { AffixIndex } from './affix-index.ts'
import { IdSet } from './id-set.ts'
import { LiteralIndex } from './literal-index.ts'
import { ScanBuffer } from './scan-buffer.ts'

const buffer = new ScanBuffer()
const unit = fc.constantFrom(...'abAB\\.-1éłς–'.split(''), '😀', '\ufe0f', '\u200d')
const text = fc.array(unit, { maxLength: 30 }).map((all) => all.join('').toLowerCase())
const literal = fc
  .array(unit, { minLength: 1, maxLength: 12 })
  .map((all) => all.join('').toLowerCase())
const literals = fc.uniqueArray(literal, { minLength: 1, maxLength: 60 })

function idsOf(found: IdSet): number[] {
  return Array.from({ length: found.size }, (_, index) => found.at(index))
}

test('of any literals, those that a text contains are found', () => {
  fc.assert(
    fc.property(literals, text, fc.nat(), (all, hay, pick) => {
      const index = new LiteralIndex(all.map((one, id) => ({ text: one, id })))
      const around = hay.slice(0, 7) + (all[pick % all.length] ?? '') + hay.slice(7)
      const found = new IdSet(all.length)
      index.find(around, buffer, found)
      const wanted = all.flatMap((one, id) => (around.includes(one) ? [id] : []))
      expect(idsOf(found)).toEqual(expect.arrayContaining(wanted))
    }),
    { numRuns: 2000 },
  )
})

test('of any literals, exactly those that a text begins or ends with are found', () => {
  fc.assert(
    fc.property(literals, text, fc.nat(), (all, hay, pick) => {
      const numbered = all.map((one, id) => ({ text: one, id }))
      const chosen = all[pick % all.length] ?? ''
      for (const end of ['prefix', 'suffix'] as const) {
        const whole = end === 'prefix' ? chosen + hay : hay + chosen
        const found = new IdSet(all.length)
        new AffixIndex(numbered, end).find(whole, found)
        const wanted = numbered.filter(({ text: one }) =>
          end === 'prefix' ? whole.startsWith(one) : whole.endsWith(one),
        )
        expect(idsOf(found).sort()).toEqual(wanted.map(({ id }) => id).sort())
      }
    }),
    { numRuns: 2000 },
  )
})

test('an affix longer than the key is verified whole', () => {
  const long = 'c:\\windows\\system32\\windowspowershell\\v1.0\\powershell.exe'
  const index = new AffixIndex([{ text: long, id: 0 }], 'suffix')
  const found = new IdSet(1)
  index.find(`x${long.slice(1)}`, found)
  expect(found.size).toBe(0)
  index.find(`"${long}`, found)
  expect(found.size).toBe(1)
})
