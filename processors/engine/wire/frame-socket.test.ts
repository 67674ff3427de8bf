import { once } from 'node:events'
import { createServer } from 'node:net'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Frames, frameSocket } from './frame-socket.ts'

test('answers come out whole, however the stream is cut', () => {
  const answers = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 6 })
  fc.assert(
    fc.property(answers, fc.integer({ min: 1, max: 17 }), (bodies, step) => {
      const framed = bodies.map(frame)
      const stream = Buffer.concat(framed)
      const out: Buffer[] = []
      const frames = new Frames((answer) => out.push(answer))
      // The reading buffer is one and the same, and is written over.
      const reading = Buffer.alloc(step)
      for (let at = 0; at < stream.length; at += step) {
        const count = stream.copy(reading, 0, at, at + step)
        expect(frames.take(reading.subarray(0, count))).toBeNull()
      }
      expect(out).toEqual(framed)
    }),
  )
})

test('what does not speak Kafka is told by its length', () => {
  const frames = new Frames(() => {})
  expect(frames.take(Buffer.from('HTTP/1.1 400 Bad Request'))).toMatch('1213486160 bytes')
  expect(new Frames(() => {}).take(Buffer.from([255, 255, 255, 255]))).toMatch('-1 bytes')
})

test('a socket emits answers, ends with its peer, and fails where Kafka is not', async () => {
  const big = frame(Buffer.alloc(3 << 20, 7))
  const server = createServer((peer) => {
    peer.write(big)
    peer.once('data', (bytes) => peer.end(String(bytes) === 'bad' ? 'GET / HTTP/1.1' : ''))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  try {
    const address = server.address()
    if (address === null || typeof address === 'string') throw new Error('no port')
    const open = () =>
      frameSocket({ host: '127.0.0.1', port: address.port, ssl: {}, onConnect: () => {} })
    const good = open()
    const [answer] = await once(good, 'data')
    expect(big.equals(answer)).toBe(true)
    good.write('good')
    await once(good, 'end')
    const bad = open()
    await once(bad, 'data')
    bad.write('bad')
    const [error] = await once(bad, 'error')
    expect(String(error)).toMatch('claims an answer of')
  } finally {
    server.close()
  }
})

function frame(body: Uint8Array): Buffer {
  const length = Buffer.alloc(4)
  length.writeInt32BE(body.length)
  return Buffer.concat([length, body])
}
