import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  type Lease,
  LeaseLost,
  type LogRecord,
  type RecordBatch,
  type RecordSource,
} from '../../core/kafka.ts'
import { silentLog } from '../../core/log.ts'
import { createMetrics } from '../../core/metrics.ts'
import type { Span, SpanAttributes, SpanOutcome } from '../../core/trace.ts'
import type { Revision } from '../../rules/rule.ts'
import type { Row } from '../../schemas/table.ts'
import type { Processor } from '../processor.ts'
import type { EngineOptions } from './engine.ts'
import { noFailpoint } from './failpoint.ts'
import { type Intent, parseMark } from './intent.ts'
import { Partition } from './partition.ts'
import type { Store } from './store.ts'

const at = { topic: 't', partition: 0 }
const end = 20

test('a block whose lease ends on the way is finished under its own intent', async () => {
  const world = new World()
  const partition = world.partition()
  world.losesAt = 2
  await expect(partition.take(world.batch(0, 10), world.lease(), going)).rejects.toThrow(LeaseLost)
  expect(world.offsets('commands')).toEqual([])
  await world.drain(partition)
  world.expectEachOnce()
})

test('a lease that ends between two blocks leaves the first alone', async () => {
  const world = new World()
  const partition = world.partition()
  world.losesAt = 6
  await expect(partition.take(world.batch(0, 20), world.lease(), going)).rejects.toThrow(LeaseLost)
  await world.drain(partition)
  world.expectEachOnce()
})

test('wherever a lease ends, and however the log is fetched then, each record counts once', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 1, max: 12 }), { maxLength: 6 }),
      fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 40, maxLength: 40 }),
      async (losses, sizes) => {
        const world = new World()
        const partition = world.partition()
        for (const after of losses) {
          world.losesAt = after
          await world.drain(partition, sizes).catch((thrown: unknown) => {
            if (!(thrown instanceof LeaseLost)) throw thrown
          })
        }
        world.losesAt = Number.POSITIVE_INFINITY
        await world.drain(partition, sizes)
        world.expectEachOnce()
        expect(world.spans.all().every(({ outcomes }) => outcomes.length === 1)).toBe(true)
      },
    ),
    { numRuns: 300 },
  )
})

test('a range with no records but an end is passed by an empty block', async () => {
  const world = new World()
  const partition = world.partition()
  const aborted = { ...world.batch(0, 20), records: [] }
  expect(await partition.take(aborted, world.lease(), going)).toBe(20)
  expect(world.rows.ingest_progress).toMatchObject([{ offset: 0, last_offset: 19, records: 0 }])
  expect(world.committed).toMatchObject({ offset: 20 })
})

test('records that expire while the engine is at work are one dead letter', async () => {
  const world = new World()
  const partition = world.partition()
  await partition.take(world.batch(0, 5), world.lease(), going)
  world.low = 12
  expect(await partition.take(world.batch(12, 20), world.lease(), going)).toBe(12)
  await world.drain(partition)
  expect(world.rows.dead_letters).toMatchObject([
    { offset: 5, last_offset: 11, records: 7, code: 'records-expired' },
  ])
  expect(world.offsets('commands')).toEqual([...range(0, 5), ...range(12, 20)])
})

test('the report of a missing range survives an end of the lease right after its intent', async () => {
  const world = new World()
  const partition = world.partition()
  world.low = 12
  world.losesAt = 2
  await expect(partition.take(world.batch(12, 20), world.lease(), going)).rejects.toThrow(LeaseLost)
  await world.drain(partition)
  expect(world.rows.dead_letters).toMatchObject([{ offset: 0, last_offset: 11, records: 12 }])
})

test('an offset that the client passes over at every try is reported, not asked for ever', async () => {
  const world = new World()
  const partition = world.partition()
  let position = 0
  for (let tries = 0; position === 0; tries += 1) {
    if (tries === 50) throw new Error('it asks for ever')
    position = await partition.take(world.batch(7, 20), world.lease(), going)
  }
  await world.drain(partition)
  expect(world.rows.dead_letters).toMatchObject([
    { offset: 0, last_offset: 6, code: 'records-unreadable' },
  ])
  expect(world.offsets('commands')).toEqual(range(7, 20))
})

test('a batch fetched before the client was sent elsewhere is not taken for a gap', async () => {
  const world = new World()
  const partition = world.partition()
  expect(await partition.take(world.batch(10, 15), world.lease(), going)).toBe(0)
  expect(await partition.take(world.batch(15, 20), world.lease(), going)).toBe(0)
  await world.drain(partition)
  world.expectEachOnce()
})

test('a damaged batch is one dead letter, and the records around it are rows', async () => {
  const world = new World()
  const partition = world.partition()
  const damage = { first: 3, code: 'batch-codec', reason: 'codec 6', sha256: 'ab', bytes: 9 }
  const damaged: LogRecord = { offset: 6, timestampMs: 0, key: null, value: null, damage }
  const records = [...world.batch(0, 3).records, damaged, ...world.batch(7, 20).records]
  await partition.take({ ...world.batch(0, 20), records }, world.lease(), going)
  expect(world.rows.dead_letters).toMatchObject([
    { offset: 3, last_offset: 6, records: 4, code: 'batch-codec', value_sha256: 'ab', head: '' },
  ])
  expect(world.offsets('commands')).toEqual([...range(0, 3), ...range(7, 20)])
})

test('a batch’s bytes are given back when its last block is cut, before that is written', async () => {
  const world = new World()
  await world.partition().take(world.batch(0, 6), world.lease(), going)
  const blocks = ['commands', 'ingest_progress']
  expect(world.log).toEqual([...blocks, 'bytes given back', ...blocks])
})

test('what follows is fetched while the last of a batch’s blocks is marked as finished', async () => {
  const world = new World()
  const batch = { ...world.batch(0, 6), nearsEnd: () => world.log.push('near the end') }
  await world.partition().take(batch, world.lease(), going)
  const first = ['commands', 'ingest_progress']
  const last = ['bytes given back', 'commands', 'near the end', 'ingest_progress']
  expect(world.log).toEqual([...first, ...last])
})

test('who has read all says so, but not where more has come meanwhile', async () => {
  const world = new World()
  const partition = world.partition()
  await partition.take({ ...world.batch(0, 16), highWatermark: 16 }, world.lease(), going)
  expect(world.committed).toEqual({ offset: 16, mark: null })
  const followed = { ...world.batch(16, 18), highWatermark: 18, isFollowed: () => true }
  await partition.take(followed, world.lease(), going)
  expect(world.committed).toMatchObject({ offset: 16, mark: { first: 16, last: 17 } })
  await partition.take(world.batch(18, 20), world.lease(), going)
  expect(world.committed).toEqual({ offset: 20, mark: null })
  world.expectEachOnce()
})

test('a block’s span has a child for each of its steps, and one for the commit that lets go of it', async () => {
  const world = new World()
  await world.drain(world.partition(), [20])
  const [block] = world.spans.children
  expect(block).toMatchObject({
    name: 'block',
    outcomes: ['done'],
    attributes: {
      'messaging.destination.name': 't',
      'messaging.destination.partition.id': '0',
      'messaging.batch.message_count': 4,
      'ttpstream.block': 'log:t:0:0-3',
      'ttpstream.first_offset': 0,
      'ttpstream.last_offset': 3,
      'ttpstream.revision': 'r',
      'ttpstream.tags': 0,
    },
  })
  const steps = ['cut', 'intent', 'insert commands', 'insert dead_letters']
  const ends = ['insert rule_matches', 'insert tags', 'insert ingest_progress']
  expect(block?.children.map(({ name }) => name)).toEqual([...steps, ...ends])
  expect(block?.children[2]?.attributes).toEqual({ 'ttpstream.rows': 4 })
  expect(world.spans.children).toHaveLength(5)
  expect(world.spans.children.at(-1)?.children.at(-1)?.name).toBe('commit')
  expect(world.spans.all().every(({ outcomes }) => outcomes.length === 1)).toBe(true)
})

test('a block whose lease ends is told as lost, and told again when it is recovered', async () => {
  const world = new World()
  const partition = world.partition()
  world.losesAt = 3
  await expect(partition.take(world.batch(0, 4), world.lease(), going)).rejects.toThrow(LeaseLost)
  await world.drain(partition)
  const [lost, recovered] = world.spans.children
  expect(lost).toMatchObject({ name: 'block', outcomes: ['lease-lost'] })
  expect(lost?.children.at(-1)).toMatchObject({ outcomes: ['lease-lost'] })
  expect(recovered).toMatchObject({ name: 'block', outcomes: ['recovered'] })
  expect(recovered?.attributes['ttpstream.block']).toBe(lost?.attributes['ttpstream.block'])
  expect(recovered?.children[0]?.name).toBe('reconcile')
})

const processor: Processor = {
  table: 'commands',
  process: (context, records) => ({
    rows: { commands: records.map((record) => rowOf(context.log, record)) },
    events: records.length,
    deletions: 0,
    dropped: {},
  }),
}

/** Spans as they were started and ended. */
class SpanRecorder implements Span {
  readonly name: string
  attributes: SpanAttributes
  readonly children: SpanRecorder[] = []
  readonly outcomes: SpanOutcome[] = []

  constructor(name: string, attributes: SpanAttributes = {}) {
    this.name = name
    this.attributes = attributes
  }

  start(name: string, attributes?: SpanAttributes): Span {
    const child = new SpanRecorder(name, attributes)
    this.children.push(child)
    return child
  }

  set(attributes: SpanAttributes): void {
    this.attributes = { ...this.attributes, ...attributes }
  }

  end(outcome: SpanOutcome): void {
    this.outcomes.push(outcome)
  }

  /** All below. */
  all(): SpanRecorder[] {
    return this.children.flatMap((child) => [child, ...child.all()])
  }
}

/** Kafka, ClickHouse and a lease that ends after a number of steps. */
class World {
  readonly rows: { [Name in 'commands' | 'dead_letters' | 'ingest_progress']: Row<Name>[] } = {
    commands: [],
    dead_letters: [],
    ingest_progress: [],
  }
  readonly #tokens = new Set<string>()
  readonly spans = new SpanRecorder('all')
  /** What happened, in order. */
  readonly log: string[] = []
  committed: { offset: number; mark: Intent | null } = { offset: 0, mark: null }
  low = 0
  /** The lease ends at this many commits and inserts from now. */
  losesAt = Number.POSITIVE_INFINITY

  partition(): Partition {
    const options = { log: 'log', start: 0, position: 0, store: 'store', pending: null }
    return new Partition(this.#options(), { ...at, ...options }, processor)
  }

  batch(from: number, to: number): RecordBatch {
    const records = range(from, to).map((offset) => ({
      offset,
      timestampMs: 0,
      key: null,
      value: Buffer.from(String(offset)),
    }))
    // What is read after it was given back gives another checksum, and the block counts as changed.
    const release = () => {
      for (const { value } of records) value.fill(0)
      this.log.push('bytes given back')
    }
    return { ...at, position: from, records, lastOffset: to - 1, highWatermark: end, release }
  }

  lease(): Lease {
    let isHeld = true
    const step = () => {
      this.losesAt -= 1
      if (this.losesAt <= 0) isHeld = false
      if (!isHeld) {
        this.losesAt = Number.POSITIVE_INFINITY
        throw new LeaseLost('lost')
      }
    }
    return {
      isHeld: () => isHeld,
      confirm: async () => step(),
      commit: async (offset, metadata) => {
        step()
        const mark = parseMark(metadata)
        this.committed = { offset, mark: mark?.kind === 'intent' ? mark : null }
      },
    }
  }

  /** Reads on from where the partition stands until nothing is left. */
  async drain(partition: Partition, sizes: readonly number[] = [7, 3, 20]): Promise<void> {
    for (let round = 0; partition.reading < end; round += 1) {
      if (round === 100) throw new Error(`it does not get past ${partition.reading}`)
      const from = Math.max(this.low, partition.reading)
      const to = Math.min(end, from + (sizes[round % sizes.length] ?? 1))
      await partition.take(this.batch(from, to), this.lease(), going)
    }
  }

  offsets(name: 'commands'): number[] {
    return this.rows[name].map(({ offset }) => offset)
  }

  expectEachOnce(): void {
    expect(this.offsets('commands').sort((a, b) => a - b)).toEqual(range(0, end))
    const blocks = this.rows.ingest_progress.map(({ offset, last_offset: last }) => [offset, last])
    const sorted = blocks.sort(([a = 0], [b = 0]) => a - b)
    expect(sorted.map(([first]) => first)).toEqual([
      0,
      ...sorted.slice(0, -1).map(([, last = 0]) => last + 1),
    ])
  }

  #options(): EngineOptions {
    const revision: Revision = { id: 'r', rules: [], match: () => [] }
    return {
      source: this.#source(),
      store: this.#store(),
      sink: { send: async () => {}, close: async () => {} },
      publish: () => [],
      processors: new Map([[at.topic, processor]]),
      rules: () => ({ revision, states: new Map() }),
      limits: { recordsMax: 4, bytesMax: 1_000 },
      clock: { now: () => 1 },
      random: { uuid: () => 'another' },
      metrics: createMetrics(),
      tracer: this.spans,
      log: silentLog,
      failpoint: noFailpoint,
      onTrouble: () => {},
    }
  }

  #source(): RecordSource {
    return {
      run: async () => {},
      committed: async () => ({ offset: null, metadata: '' }),
      watermarks: async () => ({ low: this.low, high: end }),
      ends: async () => new Map(),
      close: async () => {},
      abandon: () => {},
    }
  }

  /** Takes a token once, as ClickHouse does. */
  #store(): Store {
    return {
      id: async () => 'store',
      insert: async (name, rows, token) => {
        if (rows.length === 0 || this.#tokens.has(token)) return
        this.#tokens.add(token)
        this.log.push(name)
        // Checked: rows of that very table.
        const held = (this.rows as unknown as Record<string, unknown[]>)[name]
        held?.push(...rows)
      },
      rowsOf: async (name, { first, last }) => {
        const held = (this.rows as unknown as Record<string, Row<typeof name>[]>)[name] ?? []
        return held.filter(({ offset }) => offset >= first && offset <= last)
      },
      merges: async () => [],
      newestProgress: async () => null,
      progressEnding: async () => null,
    }
  }
}

/** Only what the test looks at: the row of a real table has 25 columns. */
function rowOf(log: string, { offset }: LogRecord): Row<'commands'> {
  return { log, ...at, offset } as Row<'commands'>
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, index) => from + index)
}

const going = () => false
