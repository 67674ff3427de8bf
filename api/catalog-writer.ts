import { setTimeout as pause } from 'node:timers/promises'
import type { Views } from '../core/clickhouse.ts'
import type { Clock } from '../core/clock.ts'
import { assert } from '../core/error.ts'
import { type CatalogKind, checkEntity } from '../schemas/catalog.ts'
import { Problem } from './problem.ts'

/**
 * Writes go through the log like everybody's: a change is checked against its contract, published to
 * the catalog topic, and read back once the engine has finished the block that holds it.
 *
 * Contract:
 * - Nothing is published that the engine would dead-letter for what it says.
 * - `isReadable` false: accepted, and the position says where; it will be in force when progress
 *   passes it. Repeating a put is harmless, since a record carries the whole entity.
 * - A record that the engine refused after all is `conflict`, with the engine's reason.
 */
export interface CatalogWriter {
  write(change: CatalogWrite): Promise<Written>
  /** At one instant, in any order; readable once all of them are. Nothing is published if one is wrong. */
  writeAll(changes: readonly CatalogWrite[]): Promise<Omit<Written, 'entity'>>
  /** Asks again until there is an answer, for as long as a write waits; then gives undefined. */
  waitFor<Answer>(read: () => Promise<Answer | undefined>): Promise<Answer | undefined>
}

export interface CatalogWrite {
  readonly kind: CatalogKind
  readonly id: string
  readonly op: 'put' | 'delete'
  /** Who asks; never empty. */
  readonly actor: string
  readonly reason?: string
  /** The whole entity; {} for a deletion. */
  readonly entity: Readonly<Record<string, unknown>>
}

export interface Written {
  readonly isReadable: boolean
  readonly position: Position
  readonly eventTimeMs: number
  /** The entity with defaults and derived members. */
  readonly entity: Readonly<Record<string, unknown>>
}

/** Where a record stands in Kafka. */
export interface Position {
  readonly topic: string
  readonly partition: number
  readonly offset: number
}

export interface CatalogRecord {
  readonly kind: CatalogKind
  readonly id: string
  readonly op: 'put' | 'delete'
  readonly event_time: string
  readonly actor: string
  readonly reason?: string
  readonly entity: Readonly<Record<string, unknown>>
}

/** Resolves when all in-sync replicas have the record. Throws `TransientError` when Kafka is away. */
export type Publish = (record: CatalogRecord) => Promise<Position>

export interface CatalogWriterOptions {
  readonly views: Views
  readonly publish: Publish
  readonly clock: Clock
  /** How long a write waits to become readable. */
  readonly waitMsMax: number
}

const pollMs = 40
/** Of many records sent at once. */
const inFlightMax = 200
/** Only for checking: the engine takes the validity from the policy in force. */
const validityDays = 180

export function createCatalogWriter(options: CatalogWriterOptions): CatalogWriter {
  const { views, publish, clock, waitMsMax } = options
  return {
    async writeAll(changes) {
      const eventTimeMs = clock.now()
      for (const change of changes) checked(change, eventTimeMs)
      let last: Position | undefined
      for (let from = 0; from < changes.length; from += inFlightMax) {
        const part = changes.slice(from, from + inFlightMax)
        const positions = await Promise.all(
          part.map((change) => publish(recordOf(change, eventTimeMs))),
        )
        for (const position of positions) {
          if (last === undefined || position.offset > last.offset) last = position
        }
      }
      assert(last !== undefined, 'nothing to write')
      const isReadable = await waitUntilReadable(views, last, waitMsMax)
      return { isReadable, position: last, eventTimeMs }
    },
    async write(change) {
      const eventTimeMs = clock.now()
      const entity = checked(change, eventTimeMs)
      const position = await publish(recordOf(change, eventTimeMs))
      const isReadable = await waitUntilReadable(views, position, waitMsMax)
      return { isReadable, position, eventTimeMs, entity }
    },
    async waitFor(read) {
      const deadline = AbortSignal.timeout(waitMsMax)
      while (!deadline.aborted) {
        const answer = await read()
        if (answer !== undefined) return answer
        await pause(pollMs)
      }
      return undefined
    },
  }
}

function recordOf(change: CatalogWrite, eventTimeMs: number): CatalogRecord {
  const { kind, id, op, actor, reason, entity } = change
  const event_time = new Date(eventTimeMs).toISOString()
  return { kind, id, op, event_time, actor, ...(reason === undefined ? {} : { reason }), entity }
}

function checked(change: CatalogWrite, eventTimeMs: number): Readonly<Record<string, unknown>> {
  if (change.op === 'delete') return {}
  const { kind, id, actor, entity } = change
  const result = checkEntity(kind, entity, { kind, id, actor, eventTimeMs, validityDays })
  if (result.ok) return { ...entity, ...result.value }
  const errors = result.problems.map(({ path, message }) => ({
    location: 'body' as const,
    name: path.replace(/^entity\.?/, ''),
    detail: message,
  }))
  const count = errors.length === 1 ? 'One mistake' : `${errors.length} mistakes`
  throw new Problem('invalid-request', `${count}; see \`errors\`.`, { errors })
}

/** A row of `progress_newest`. */
interface ProgressRow {
  readonly log: string
  readonly last: number
}

async function waitUntilReadable(
  views: Views,
  position: Position,
  waitMsMax: number,
): Promise<boolean> {
  const { topic, partition, offset } = position
  const deadline = AbortSignal.timeout(waitMsMax)
  while (!deadline.aborted) {
    const [newest] = await views.select<ProgressRow>('progress_newest', { topic, partition })
    if (newest !== undefined && newest.last >= offset) {
      await refuseDeadLetter(views, newest.log, position)
      return true
    }
    await pause(pollMs)
  }
  return false
}

async function refuseDeadLetter(views: Views, log: string, position: Position): Promise<void> {
  const [letter] = await views.select<{ readonly reason: string }>('dead_letters_of_block', {
    log,
    topic: position.topic,
    partition: position.partition,
    first: position.offset,
    last: position.offset,
  })
  if (letter === undefined) return
  throw new Problem('conflict', `The catalog refused the change: ${letter.reason}`)
}
