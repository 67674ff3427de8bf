import { readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decompress } from './decompress.ts'
import { Undecodable } from './undecodable.ts'

/** One text, compressed by the programs that made these formats: xerial's Snappy, lz4, zstd, gzip. */
const fixtures = Object.entries(
  JSON.parse(readFileSync(new URL('./compressed.fixture.json', import.meta.url), 'utf8')),
).map(([name, base64]) => ({ name, codec: codecOf(name), bytes: bytesOf(base64) }))
const text = sampleText()
const bytesMax = 1 << 20

test.each(fixtures)('$name gives back the text that was compressed', async ({ codec, bytes }) => {
  expect((await decompress(codec, bytes, bytesMax)).toString()).toBe(text)
})

test.each(fixtures)('$name stops at the limit', async ({ codec, bytes }) => {
  await expect(decompress(codec, bytes, text.length - 1)).rejects.toMatchObject({
    code: 'batch-too-large',
  })
  expect((await decompress(codec, bytes, text.length)).length).toBe(text.length)
})

test('a gzip bomb of 256 MB costs no more than the limit', async () => {
  const bomb = gzipSync(Buffer.alloc(256 << 20))
  const before = process.memoryUsage.rss()
  await expect(decompress(1, bomb, bytesMax)).rejects.toMatchObject({ code: 'batch-too-large' })
  expect(process.memoryUsage.rss() - before).toBeLessThan(64 << 20)
})

test('codecs that Kafka does not name are refused', async () => {
  for (const codec of [5, 6, 7]) {
    await expect(decompress(codec, Buffer.from('x'), bytesMax)).rejects.toMatchObject({
      code: 'batch-codec',
    })
  }
})

test('cut and changed data is undecodable or decodes within the limit, and nothing else', async () => {
  const damaged = fc.record({
    fixture: fc.constantFrom(...fixtures),
    length: fc.nat(6_100),
    changes: fc.array(fc.tuple(fc.nat(6_100), fc.nat(255)), { maxLength: 4 }),
  })
  await fc.assert(
    fc.asyncProperty(damaged, async ({ fixture, length, changes }) => {
      const bytes = Buffer.from(fixture.bytes.subarray(0, length))
      for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value
      await expectBounded(fixture.codec, bytes)
    }),
    { numRuns: 1_000 },
  )
})

test('any bytes are undecodable or decode within the limit, and nothing else', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 4 }),
      fc.uint8Array({ maxLength: 300 }),
      (codec, bytes) => expectBounded(codec, Buffer.from(bytes)),
    ),
    { numRuns: 1_000 },
  )
})

async function expectBounded(codec: number, bytes: Buffer): Promise<void> {
  try {
    const output = await decompress(codec, bytes, bytesMax)
    expect(output.length).toBeLessThanOrEqual(bytesMax)
  } catch (thrown) {
    expect(thrown).toBeInstanceOf(Undecodable)
  }
}

function codecOf(name: string): number {
  return { gz: 1, snappy: 2, lz4: 3, zstd: 4 }[name.split('.')[0] ?? ''] ?? 0
}

function bytesOf(base64: unknown): Buffer {
  return Buffer.from(String(base64), 'base64')
}

/** What the fixtures hold: lines alike, a run longer than a block of LZ4, and the lines again. */
function sampleText(): string {
  let lines = ''
  let seed = 7
  for (let n = 0; n < 60; n += 1) {
    seed = (seed * 1103 + 12345) % 65536
    lines += `{"n":${n},"host":"ws${n % 7}.example","user":"EXAMPLE\\\\op${seed % 11}",`
    lines += `"text":"${'ab'.repeat(seed % 9)} whoami /user ${seed}"}\n`
  }
  return `${lines}${'z'.repeat(70_000)}${lines}`
}
