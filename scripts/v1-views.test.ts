import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { parseV1View, readV1Views } from './v1-views.ts'

/** The v1_ views as a contract; test/views-v1.test.ts holds the database to the same declarations. */

const views = readV1Views()

test('names, columns, types and comments are those that were agreed on', () => {
  const pinned = JSON.parse(
    readFileSync(new URL('../test/golden/v1-views.json', import.meta.url), 'utf8'),
  )
  const declared = views.map(({ name, parameters, columns }) => [
    name,
    {
      parameters: Object.fromEntries(parameters.map((one) => [one.name, one.type])),
      columns: Object.fromEntries(columns.map((one) => [one.name, [one.type, one.comment]])),
    },
  ])
  // Others rely on them: add a column at the end here, by hand; for anything else make a v2_ view.
  expect(Object.fromEntries(declared)).toEqual(pinned)
  expect(JSON.stringify(Object.fromEntries(declared))).toBe(JSON.stringify(pinned))
})

test('parameters of v1 views are epoch seconds', () => {
  const all = views.flatMap((view) => view.parameters)
  expect(all.length).toBeGreaterThan(0)
  for (const { name, type } of all) expect(`${name} ${type}`).toMatch(/^[a-z_]+_s Float64$/)
})

test('every column with a number or a time says its unit or what it counts, and when it is null', () => {
  for (const { name, columns } of views) {
    for (const { name: of, type, comment } of columns) {
      const where = `${name}.${of}: ${comment}`
      expect(comment, where).not.toBe('')
      if (type.includes('DateTime')) expect(comment, where).toContain('UTC')
      if (/_(hours|seconds)/.test(of)) expect(comment, where).toMatch(/hours|seconds/i)
      if (type.startsWith('Nullable') && !/^The same/.test(comment)) {
        expect(comment, where).toMatch(/null/)
      }
    }
    if (name.endsWith('_daily')) {
      expect(
        columns.map((one) => one.name).filter((of) => of === 'day' || of === 'computed_at'),
      ).toEqual(['day', 'computed_at'])
    }
  }
})

test('a file that declares a column without a comment is no v1 view', () => {
  const text =
    "-- One row.\nCREATE OR REPLACE VIEW v1_x\n(\n    a UInt8\n) AS\nSELECT 1 AS a\nCOMMENT 'x';\n"
  expect(() => parseV1View(text)).toThrow('not a column with its comment:     a UInt8')
  expect(parseV1View(text.replace('UInt8', "UInt8 COMMENT 'it''s one'")).columns).toEqual([
    { name: 'a', type: 'UInt8', comment: "it's one" },
  ])
})
