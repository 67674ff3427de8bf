import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseTime } from './time.ts'

test('any instant written as RFC 3339 is read back to the millisecond', () => {
  fc.assert(
    fc.property(
      fc.date({
        min: new Date(-62135596800000),
        max: new Date(253402300799999),
        noInvalidDate: true,
      }),
      (date) => {
        expect(parseTime(date.toISOString())).toBe(date.getTime())
      },
    ),
  )
})

test('any instant is read back from any zone', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 4_000_000_000_000 }),
      fc.integer({ min: -840, max: 840 }),
      (ms, offset) => {
        const local = new Date(ms + offset * 60_000).toISOString().slice(0, -1)
        const sign = offset < 0 ? '-' : '+'
        const hours = String(Math.floor(Math.abs(offset) / 60)).padStart(2, '0')
        const minutes = String(Math.abs(offset) % 60).padStart(2, '0')
        expect(parseTime(`${local}${sign}${hours}:${minutes}`)).toBe(ms)
        expect(parseTime(`${local}${sign}${hours}${minutes}`)).toBe(ms)
        expect(parseTime(local, offset)).toBe(ms)
      },
    ),
  )
})

test('digits finer than a millisecond are cut', () => {
  const ms = Date.UTC(2020, 9, 27, 20, 0, 14, 324)
  expect(parseTime('2020-10-27T20:00:14.3242341Z')).toBe(ms)
  expect(parseTime('2020-10-27T20:00:14.324999999Z')).toBe(ms)
  expect(parseTime('2020-10-27T20:00:14.3Z')).toBe(ms - 24)
})

test('a time without a zone is refused unless the caller says what it means', () => {
  expect(parseTime('2020-09-21 22:58:57.805')).toBeNaN()
  expect(parseTime('2020-09-21 22:58:57.805', 0)).toBe(Date.UTC(2020, 8, 21, 22, 58, 57, 805))
  expect(parseTime('2020-09-21 18:58:57', -240)).toBe(Date.UTC(2020, 8, 21, 22, 58, 57))
})

test.each([
  '',
  'yesterday',
  '2020-02-30T00:00:00Z',
  '2021-02-29T00:00:00Z',
  '2020-13-01T00:00:00Z',
  '2020-00-01T00:00:00Z',
  '2020-01-00T00:00:00Z',
  '2020-01-01T24:00:00Z',
  '2020-01-01T00:60:00Z',
  '2020-01-01T00:00:61Z',
  '2020-01-01T00:00:00.Z',
  '2020-01-01T00:00:00+24:00',
  '2020-01-01T00:00:00ZZ',
  '2020-01-01T00:00:00 UTC',
  '2020-01-01',
  '20200101T000000Z',
  `2020-01-01T00:00:00.${'0'.repeat(60)}Z`,
])('%j is not a time', (text) => {
  expect(parseTime(text)).toBeNaN()
})

test('a leap second is the first second of the next minute', () => {
  expect(parseTime('2016-12-31T23:59:60Z')).toBe(Date.UTC(2017, 0, 1))
})

test('no text makes it throw or answer anything but a number', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 45 }), (text) => {
      expect(typeof parseTime(text)).toBe('number')
    }),
  )
})
