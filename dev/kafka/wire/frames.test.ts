import fc from 'fast-check'
import { expect, test } from 'vitest'
import { FrameSplitter } from './frames.ts'
import { FrameError } from './reader.ts'

test('frames come out as they were sent, however the stream is cut', () => {
  const frames = fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 20 })
  fc.assert(
    fc.property(frames, fc.array(fc.integer({ min: 1, max: 30 })), (sent, cuts) => {
      const splitter = new FrameSplitter(50)
      const received: Buffer[] = []
      let rest = Buffer.concat(sent.flatMap((frame) => [sizeOf(frame.length), frame]))
      for (const cut of [...cuts, rest.length]) {
        received.push(...splitter.push(rest.subarray(0, cut)))
        rest = rest.subarray(cut)
      }
      expect(received.map((frame) => [...frame])).toEqual(sent.map((frame) => [...frame]))
    }),
  )
})

test('a size below zero or above the limit is refused when it is read', () => {
  expect(() => new FrameSplitter(10).push(sizeOf(11))).toThrow(FrameError)
  expect(() => new FrameSplitter(10).push(sizeOf(-1))).toThrow(FrameError)
  expect(new FrameSplitter(10).push(sizeOf(10))).toEqual([])
})

function sizeOf(length: number): Buffer {
  const size = Buffer.alloc(4)
  size.writeInt32BE(length)
  return size
}
