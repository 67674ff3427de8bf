/** The framing, the versions, and what does not speak the protocol. */
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { encodeBatch } from '../record-batch.ts'
import { fetch, nameOf, produce } from '../wire-calls.ts'
import { frameOf } from '../wire-client.ts'
import type { Subject } from './subject.ts'

export function testWire(given: () => Subject): void {
  const isAlive = async () => (await given().admin.describeCluster()).brokers.length > 0

  test.concurrent('ApiVersions is answered in every version, an unknown one with error 35', async () => {
    const client = await given().wire()
    for (const version of [0, 1, 2]) {
      const answer = await client.request(18, version)
      expect(answer.int16()).toBe(0)
      const keys = answer.array(() => [answer.int16(), answer.int16(), answer.int16()][0])
      expect(keys).toEqual(expect.arrayContaining([0, 1, 2, 3, 8, 9, 10, 11, 12, 13, 14, 18]))
      if (version > 0) expect(answer.int32()).toBe(0)
      expect(answer.remaining).toBe(0)
    }
    // A version from 3 on has tagged fields in its header, even one that nobody knows yet.
    const unknown = await client.request(18, 99, (body) => body.unsignedVarint(0))
    expect(nameOf(unknown.int16())).toBe('UNSUPPORTED_VERSION')
    const own = unknown
      .array(() => [unknown.int16(), unknown.int16(), unknown.int16()])
      .find(([key]) => key === 18)
    expect(own?.[2]).toBeGreaterThanOrEqual(3)
    expect(unknown.remaining).toBe(0)
  })

  test.concurrent('ApiVersions 3 has tagged fields in its body and none in its answer header', async () => {
    const client = await given().wire()
    const answer = await client.request(18, 3, (body) => {
      // The tags of the header, then two compact strings and the tags of the body.
      body.unsignedVarint(0).unsignedVarint(2).int8(97).unsignedVarint(2).int8(49).unsignedVarint(0)
    })
    expect(answer.int16()).toBe(0)
    const count = answer.unsignedVarint() - 1
    const keys = Array.from({ length: count }, () => {
      const key = answer.int16()
      answer.skip(4)
      answer.skipTaggedFields()
      return key
    })
    expect(keys).toEqual(expect.arrayContaining([0, 1, 3, 18]))
    expect(answer.int32()).toBe(0)
  })

  const garbage: Readonly<Record<string, Buffer>> = {
    'a negative size': Buffer.from([0xff, 0xff, 0xff, 0xff, 0, 0]),
    'a size of two gibibytes': Buffer.from([0x7f, 0xff, 0xff, 0xff, 0, 0]),
    'text of another protocol': Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'),
    'an API that there is not': frameOf(9_999, 0, 1, () => {}),
    'a version that there is not': frameOf(3, 99, 1, (body) => body.int32(0)),
    'a body that is cut off': frameOf(1, 4, 1, (body) => body.int32(-1).int32(1)),
    'an array that claims more than there is': frameOf(3, 1, 1, (body) => body.int32(0x7fff_ffff)),
    'an empty frame': Buffer.from([0, 0, 0, 0]),
  }
  for (const [name, bytes] of Object.entries(garbage)) {
    test.concurrent(`${name} closes its connection and no other`, async () => {
      const [bad, good] = [await given().wire(), await given().wire()]
      bad.send(bytes)
      await bad.closed
      expect((await good.request(18, 0)).int16()).toBe(0)
      expect(await isAlive()).toBe(true)
    })
  }

  test.concurrent('a connection that ends within a frame, or while it waits, harms nobody', async () => {
    const topic = await given().topic()
    const [torn, waiting, writer] = [
      await given().wire(),
      await given().wire(),
      await given().wire(),
    ]
    torn.send(Buffer.from([0, 0, 0, 100, 0, 3]))
    const fetched = fetch(waiting, { topic, offset: 0, waitMsMax: 60_000 }).catch(() => 'gone')
    await sleep(20)
    torn.close()
    waiting.close()
    expect(await fetched).toBe('gone')
    const batch = encodeBatch({ values: ['a'] })
    expect(await produce(writer, { topic }, batch)).toEqual({ error: 'NONE', baseOffset: 0 })
    expect(await isAlive()).toBe(true)
  })

  test.concurrent('requests that come at once are answered one after the other', async () => {
    const topic = await given().topic()
    const client = await given().wire()
    await Promise.all([
      fetch(client, { topic, offset: 0, waitMsMax: 200 }),
      client.request(18, 0),
      produce(client, { topic }, encodeBatch({ values: ['a'] })),
      fetch(client, { topic, offset: 0, waitMsMax: 200 }),
    ])
    expect(client.answered).toEqual([1, 2, 3, 4])
  })

  test.concurrent('an error of a produce with acks 0 closes the connection', async () => {
    const topic = await given().topic()
    const client = await given().wire()
    const batch = encodeBatch({ values: ['a'] })
    batch.writeUInt8((batch.at(-1) ?? 0) ^ 1, batch.length - 1)
    client.tell(0, 7, (body) => {
      body.nullableString(null).int16(0).int32(1_000)
      body.array([topic], (name) => {
        body.string(name).array([0], (index) => body.int32(index).bytes(batch))
      })
    })
    await client.closed
    expect(await given().watermarks(topic)).toEqual({ low: 0, high: 0 })
  })
}
