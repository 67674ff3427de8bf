import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { Session } from 'chdb'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodeBlock, decodeBlocks, encodeBlock, encodeBlocks } from './compressed-blocks.ts'

/** The column files of a table whose parts ClickHouse itself has compressed. */
async function columnFiles(select: string): Promise<Map<string, Buffer>> {
  const dataDir = mkdtempSync(join(tmpdir(), 'blocks-'))
  const session = new Session(dataDir)
  try {
    const settings =
      'SETTINGS min_bytes_for_wide_part = 0, min_rows_for_wide_part = 0, ratio_of_defaults_for_sparse_serialization = 1'
    const create = `CREATE TABLE d.t ENGINE = MergeTree ORDER BY tuple() ${settings} AS ${select}`
    await session.queryAsync('CREATE DATABASE d ENGINE = Atomic')
    await session.queryAsync(create)
    const parts = "SELECT path FROM system.parts WHERE table = 't' AND active"
    const path = (await session.queryAsync(parts, { format: 'TSV' })).text().trim()
    const names = readdirSync(path).filter((name) => /^[a-z]+\.bin$/.test(name))
    return new Map(names.map((name) => [name, readFileSync(join(path, name))]))
  } finally {
    session.close()
    rmSync(dataDir, { recursive: true })
  }
}

const decodeAll = async (bytes: Buffer) =>
  Buffer.concat(await Readable.from(decodeBlocks(Readable.from([bytes]))).toArray())

test("blocks that ClickHouse wrote have our checksum and expand to the column's values", async () => {
  // Sizes around every branch of the hash: some below 16 bytes after the header, some beyond 128.
  for (const rows of [1, 2, 5, 15, 16, 40, 1000, 70_000]) {
    const files = await columnFiles(
      `SELECT toUInt8(number) AS small, number % 7 AS same, sipHash64(number) AS random FROM numbers(${rows})`,
    )
    const small = await decodeAll(files.get('small.bin') ?? Buffer.of())
    expect([...small]).toEqual(Array.from({ length: rows }, (_, index) => index % 256))
    const same = await decodeAll(files.get('same.bin') ?? Buffer.of())
    expect(same.length).toBe(rows)
    expect(same.every((value, index) => value === index % 7)).toBe(true)
    expect((await decodeAll(files.get('random.bin') ?? Buffer.of())).length).toBe(rows * 8)
  }
})

test('what is encoded decodes to the same, however it is cut', async () => {
  const property = fc.asyncProperty(
    fc.uint8Array({ maxLength: 3000 }),
    fc.integer({ min: 1, max: 700 }),
    async (bytes, cut) => {
      const raw = Buffer.from(bytes)
      const framed = Buffer.concat(await Readable.from([raw]).pipe(encodeBlocks()).toArray())
      const chunks: Buffer[] = []
      for (let at = 0; at < framed.length; at += cut) chunks.push(framed.subarray(at, at + cut))
      const back = await Readable.from(decodeBlocks(Readable.from(chunks))).toArray()
      expect(Buffer.concat(back).equals(raw)).toBe(true)
    },
  )
  await fc.assert(property, { numRuns: 100 })
})

test('any single wrong byte is noticed', () => {
  const framed = encodeBlock(Buffer.from('a block of a few bytes, enough for a checksum'))
  for (let at = 0; at < framed.length; at += 1) {
    const wrong = Buffer.from(framed)
    wrong.writeUInt8(wrong.readUInt8(at) ^ 1, at)
    expect(() => decodeBlock(wrong)).toThrow()
  }
})

test('a block that is cut off, or claims a size beyond all bounds, is refused', async () => {
  const framed = encodeBlock(Buffer.from('some bytes'))
  await expect(decodeAll(framed.subarray(0, -1))).rejects.toThrow('cut off')
  const huge = Buffer.from(framed)
  huge.writeUInt32LE(0x7fffffff, 21)
  await expect(decodeAll(huge)).rejects.toThrow('make no sense')
})
