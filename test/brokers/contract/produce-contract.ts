/** What a broker checks of a batch before it takes it. */
import { expect, test } from 'vitest'
import { encodeBatch } from '../record-batch.ts'
import { fetch, produce } from '../wire-calls.ts'
import type { Subject } from './subject.ts'

export function testProduce(given: () => Subject): void {
  test.concurrent('a batch whose checksum does not hold is refused', async () => {
    const topic = await given().topic()
    const client = await given().wire()
    const batch = encodeBatch({ values: ['a', 'b'] })
    batch.writeUInt8((batch.at(-1) ?? 0) ^ 1, batch.length - 1)
    expect((await produce(client, { topic }, batch)).error).toBe('CORRUPT_MESSAGE')
    expect(await given().watermarks(topic)).toEqual({ low: 0, high: 0 })
  })

  test.concurrent('message sets of old, two batches at once and false counts are refused', async () => {
    const topic = await given().topic()
    const client = await given().wire()
    const batch = encodeBatch({ values: ['a', 'b'] })
    const wrong = [
      encodeBatch({ values: ['a'], magic: 1 }),
      encodeBatch({ values: ['a'], magic: 0 }),
      Buffer.concat([batch, batch]),
      encodeBatch({ values: ['a', 'b'], recordsCount: 3 }),
      encodeBatch({ values: ['a', 'b'], recordsCount: 1 }),
    ]
    for (const records of wrong) {
      expect((await produce(client, { topic }, records)).error).toBe('INVALID_RECORD')
    }
    expect(await given().watermarks(topic)).toEqual({ low: 0, high: 0 })
  })

  test.concurrent('a record from further ahead than an hour is refused', async () => {
    const topic = await given().topic()
    const client = await given().wire()
    const at = (timestampMs: number) =>
      produce(client, { topic }, encodeBatch({ values: ['a'], timestampMs }))
    expect((await at(Date.now() + 2 * 3_600_000)).error).toBe('INVALID_TIMESTAMP')
    expect((await at(Date.now() + 1_800_000)).error).toBe('NONE')
    expect((await at(0)).error).toBe('NONE')
  })

  test.concurrent('acks other than -1, 0 and 1 are refused', async () => {
    const topic = await given().topic()
    const client = await given().wire()
    const { error } = await produce(client, { topic }, encodeBatch({ values: ['a'] }), 2)
    expect(error).toBe('INVALID_REQUIRED_ACKS')
  })

  test.concurrent('a batch of an idempotent producer that comes twice is stored once', async () => {
    const topic = await given().topic()
    const client = await given().wire()
    const send = (baseSequence: number, values: string[], producerEpoch = 0) =>
      produce(
        client,
        { topic },
        encodeBatch({ values, producerId: 7_000_001, producerEpoch, baseSequence, timestampMs: 1 }),
      )
    expect(await send(0, ['a', 'b'])).toEqual({ error: 'NONE', baseOffset: 0 })
    expect(await send(2, ['c'])).toEqual({ error: 'NONE', baseOffset: 2 })
    expect(await send(0, ['a', 'b'])).toEqual({ error: 'NONE', baseOffset: 0 })
    expect(await send(2, ['c'])).toEqual({ error: 'NONE', baseOffset: 2 })
    expect((await send(4, ['e'])).error).toBe('OUT_OF_ORDER_SEQUENCE_NUMBER')
    expect(await send(3, ['d'])).toEqual({ error: 'NONE', baseOffset: 3 })
    expect((await send(5, ['x'], 1)).error).toBe('OUT_OF_ORDER_SEQUENCE_NUMBER')
    expect(await send(0, ['new epoch'], 1)).toEqual({ error: 'NONE', baseOffset: 4 })
    expect((await send(4, ['e'], 0)).error).toBe('INVALID_PRODUCER_EPOCH')
    expect((await fetch(client, { topic, offset: 0 })).highWatermark).toBe(5)
  })

  test.concurrent('kafkajs produces idempotently, each producer under an id of its own', async () => {
    const topic = await given().topic()
    const producers = await Promise.all(
      [0, 1].map(async () => {
        const producer = given().kafka.producer({ idempotent: true, maxInFlightRequests: 1 })
        await producer.connect()
        return producer
      }),
    )
    for (let round = 0; round < 5; round += 1) {
      await Promise.all(
        producers.map((producer) =>
          producer.send({ topic, messages: [{ value: 'a' }, { value: 'b' }] }),
        ),
      )
    }
    await Promise.all(producers.map((producer) => producer.disconnect()))
    expect(await given().watermarks(topic)).toEqual({ low: 0, high: 20 })
  })
}
