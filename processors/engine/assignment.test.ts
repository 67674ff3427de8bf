import { expect, test } from 'vitest'
import { decideStart, type Progress, type Witnesses } from './assignment.ts'
import { encodeMark, type Intent } from './intent.ts'

const at = { topic: 'ttp.commands', partition: 0 }
const intent: Intent = {
  v: 1,
  kind: 'intent',
  log: 'log-1',
  start: 0,
  store: 'store-1',
  first: 100,
  last: 199,
  count: 100,
  crc: 7,
  time: 1,
  revision: 'r1',
}
const before: Progress = { log: 'log-1', first: 0, last: 99, records: 100, crc: 5 }
const own: Progress = { log: 'log-1', first: 100, last: 199, records: 100, crc: 7 }
const begun: Witnesses = {
  committed: { offset: 100, metadata: encodeMark(intent) },
  newest: before,
  before,
  own: null,
  watermarks: { low: 0, high: 500 },
  store: 'store-1',
}
const nothing = { offset: null, metadata: '' }

test('a partition that nobody has read begins a new log at its low watermark', () => {
  const start = decideStart(at, {
    ...begun,
    committed: nothing,
    newest: null,
    before: null,
    watermarks: { low: 40, high: 500 },
  })
  expect(start).toEqual({ kind: 'new', position: 40 })
})

test('a block that was begun and not finished is recovered under its own intent', () => {
  expect(decideStart(at, begun)).toEqual({ kind: 'recover', intent })
})

test('a block whose progress is written is not done again', () => {
  const start = decideStart(at, { ...begun, newest: own, own })
  expect(start).toEqual({ kind: 'resume', log: 'log-1', start: 0, position: 200 })
})

test('a done mark resumes at its offset', () => {
  const mark = encodeMark({ v: 1, kind: 'done', log: 'log-1', start: 0, store: 'store-1' })
  const start = decideStart(at, { ...begun, committed: { offset: 100, metadata: mark } })
  expect(start).toEqual({ kind: 'resume', log: 'log-1', start: 0, position: 100 })
})

test('a begun block whose first records expired is cut from what is left', () => {
  const start = decideStart(at, { ...begun, watermarks: { low: 150, high: 500 } })
  expect(start).toEqual({ kind: 'expired', intent, available: 150 })
})

test('another ClickHouse store is refused, and so is one that lacks the blocks before the commit', () => {
  expect(decideStart(at, { ...begun, store: 'store-2' })).toMatchObject({ code: 'store-changed' })
  expect(decideStart(at, { ...begun, newest: null, before: null })).toMatchObject({
    kind: 'refuse',
    code: 'store-behind',
  })
})

test('the first block of a log needs no block before it', () => {
  const first = { ...intent, first: 0, last: 9 }
  const start = decideStart(at, {
    ...begun,
    committed: { offset: 0, metadata: encodeMark(first) },
    newest: null,
    before: null,
  })
  expect(start).toEqual({ kind: 'recover', intent: first })
})

test('a partition that ends before what was read of it is refused', () => {
  expect(decideStart(at, { ...begun, watermarks: { low: 0, high: 99 } })).toMatchObject({
    code: 'log-shorter',
  })
  expect(decideStart(at, { ...begun, watermarks: { low: 0, high: 150 } })).toMatchObject({
    code: 'log-shorter',
  })
})

test('without a commit the last finished block must prove the log, unless the log is too short to be it', () => {
  const lost = { ...begun, committed: nothing, newest: own }
  expect(decideStart(at, lost)).toEqual({ kind: 'verify', progress: own, isWhole: true })
  expect(decideStart(at, { ...lost, watermarks: { low: 150, high: 500 } })).toEqual({
    kind: 'verify',
    progress: own,
    isWhole: false,
  })
  expect(decideStart(at, { ...lost, watermarks: { low: 0, high: 30 } })).toEqual({
    kind: 'new',
    position: 0,
  })
})

test('a commit that no engine wrote proves nothing: an operator’s reset is checked like a missing one', () => {
  const reset = { ...begun, committed: { offset: 0, metadata: '' }, newest: own }
  expect(decideStart(at, reset)).toMatchObject({ kind: 'verify' })
})
