import type { Batch } from 'kafkajs'
import { expect, test } from 'vitest'
import { holdAnswer, memoryOf, releaseAnswer } from './answer-memory.ts'
import { EndOfSet, type SetEntry } from './set-entry.ts'

const bodyBytes = 1 << 20

test('memory is given back with the last of an answer’s batches, and not before', () => {
  const memory = new ArrayBuffer(8 + bodyBytes)
  const [first, second] = [hold(memory, 8), hold(memory, 8)]
  releaseAnswer(first)
  releaseAnswer(first)
  expect(memory.byteLength).toBe(8 + bodyBytes)
  releaseAnswer(second)
  expect(memory.byteLength).toBe(0)
})

test('memory with another answer before or behind is left alone', () => {
  for (const offset of [8, 16]) {
    const memory = new ArrayBuffer(16 + bodyBytes)
    releaseAnswer(hold(memory, offset))
    expect(memory.byteLength).toBe(16 + bodyBytes)
  }
})

test('a partition of which nothing was decoded does not keep its answer’s memory', () => {
  const memory = new ArrayBuffer(8 + bodyBytes)
  const batch = hold(memory, 8)
  holdAnswer(Buffer.from(memory, 8, bodyBytes), [])
  expect(memoryOf(batch)).toBe(memory)
  releaseAnswer(batch)
  expect(memory.byteLength).toBe(0)
  expect(memoryOf(batch)).toBe(null)
})

function hold(memory: ArrayBuffer, offset: number): Batch {
  const rawMessages: SetEntry[] = [new EndOfSet(0)]
  holdAnswer(Buffer.from(memory, offset, bodyBytes), rawMessages)
  // Checked: what is asked of a batch here.
  return { rawMessages } as object as Batch
}
