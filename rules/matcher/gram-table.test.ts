import fc from 'fast-check'
import { expect, test } from 'vitest'
import { placeLiterals, type Sampling, samplings, windowLength } from './gram-sampling.ts'
import { GramTable, gramTables } from './gram-table.ts'
import { IdSet } from './id-set.ts'
import type { Literal } from './literal-index.ts'
import { ScanBuffer } from './scan-buffer.ts'

const buffer = new ScanBuffer(64)

function tableOf(literals: readonly Literal[], sampling: Sampling): GramTable {
  return new GramTable(placeLiterals(literals, sampling), sampling)
}

function found(table: GramTable, text: string, literals: number): number[] {
  const ids = new IdSet(literals)
  buffer.loadText(text)
  table.scan(buffer, ids)
  return Array.from({ length: ids.size }, (_, index) => ids.at(index)).sort((a, b) => a - b)
}

const unit = fc.constantFrom(...'abc\\.-1éłŁ–'.split(''), '😀')
const text = (minLength: number, maxLength: number) =>
  fc.array(unit, { minLength, maxLength }).map((all) => all.join(''))

for (const sampling of samplings) {
  const name = `grams of ${sampling.size} at every ${sampling.step}`
  const length = windowLength(sampling)

  test(`${name} find every literal at every offset`, () => {
    const window = fc
      .array(fc.constantFrom('a', 'b', 'c', '\\', '-'), {
        minLength: length,
        maxLength: length + 4,
      })
      .map((all) => all.join(''))
    const literal = fc
      .tuple(text(0, 3), window, text(0, 3))
      .map((all) => all.join('').toLowerCase())
    fc.assert(
      fc.property(
        fc.uniqueArray(literal, { minLength: 1, maxLength: 30 }),
        text(0, 40),
        (all, hay) => {
          const table = tableOf(
            all.map((one, id) => ({ text: one, id })),
            sampling,
          )
          all.forEach((one, id) => {
            const around = hay.slice(0, id) + one + hay.slice(id)
            const wanted = all.flatMap((other, at) =>
              around.toLowerCase().includes(other) ? [at] : [],
            )
            const given = found(table, around.toLowerCase(), all.length)
            expect(given).toEqual(expect.arrayContaining(wanted))
          })
        },
      ),
      { numRuns: 60 },
    )
  })

  test(`${name} find nothing in text that holds no literal`, () => {
    const literals = ['whoami /priv', 'net user /domain'].map((one, id) => ({ text: one, id }))
    const table = tableOf(literals, sampling)
    expect(found(table, 'whoami -priv, net users /domain, whoami /pri', 2)).toEqual([])
    expect(found(table, '', 2)).toEqual([])
    expect(found(table, 'WHOAMI /PRIV', 2)).toEqual([0])
  })
}

test('what an earlier, longer text left in the buffer is not part of the next one', () => {
  const table = tableOf([{ text: 'powershell', id: 0 }], { size: 4, step: 4 })
  expect(found(table, 'x powershell -enc', 1)).toEqual([0])
  expect(found(table, 'x powershel', 1)).toEqual([])
})

test('a literal without an ASCII run for the window is refused', () => {
  const tooShort = [{ text: 'abé', id: 0 }]
  expect(() => tableOf(tooShort, { size: 3, step: 1 })).toThrow('ASCII run')
})

test('more literals than a table takes are spread over several', () => {
  const literals = Array.from({ length: 20_000 }, (_, id) => ({
    text: `literal ${id} of them`,
    id,
  }))
  const tables = gramTables(literals, { size: 4, step: 8 })
  expect(tables.length).toBeGreaterThan(1)
  const ids = new IdSet(literals.length)
  buffer.loadText('a literal 0 of them, a literal 19999 of them')
  for (const table of tables) table.scan(buffer, ids)
  expect([ids.has(0), ids.has(19_999)]).toEqual([true, true])
})
