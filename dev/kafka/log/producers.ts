/**
 * What a partition remembers of idempotent producers: their last five batches, so that a batch sent
 * again is recognised and a gap is refused. Rules as Apache Kafka's: a producer not known here may
 * start at any sequence; a new epoch starts at 0.
 */
import type { Refusal } from '../wire/error-code.ts'
import type { BatchHeader } from './record-batch.ts'

export type Verdict =
  | { readonly kind: 'new' }
  | { readonly kind: 'duplicate'; readonly baseOffset: number }
  | { readonly kind: 'refused'; readonly error: Refusal }

interface SequenceRange {
  readonly first: number
  readonly last: number
  readonly baseOffset: number
}

interface ProducerState {
  readonly epoch: number
  /** Oldest first. */
  readonly batches: readonly SequenceRange[]
}

export type ProducersSnapshot = readonly (readonly [id: number, state: ProducerState])[]

const batchesMax = 5
/** Above it the producer that has been silent longest is forgotten. */
const producersMax = 1_000
const sequenceMax = 0x7fff_ffff

export class Producers {
  #states = new Map<number, ProducerState>()

  check(header: BatchHeader): Verdict {
    const state = this.#states.get(header.producerId)
    if (header.producerId < 0 || state === undefined) return { kind: 'new' }
    if (header.producerEpoch < state.epoch) {
      return { kind: 'refused', error: 'INVALID_PRODUCER_EPOCH' }
    }
    if (header.producerEpoch > state.epoch) return sequential(header.baseSequence === 0)
    const { first, last } = sequencesOf(header)
    const same = state.batches.find((batch) => batch.first === first && batch.last === last)
    if (same !== undefined) return { kind: 'duplicate', baseOffset: same.baseOffset }
    const previous = state.batches.at(-1)
    return sequential(previous === undefined || first === after(previous.last))
  }

  /** `header` is that of a batch now in the log. */
  record(header: BatchHeader): void {
    if (header.producerId < 0) return
    const state = this.#states.get(header.producerId)
    const known = state?.epoch === header.producerEpoch ? state.batches : []
    const batches = [...known, sequencesOf(header)].slice(-batchesMax)
    this.#states.delete(header.producerId)
    this.#states.set(header.producerId, { epoch: header.producerEpoch, batches })
    if (this.#states.size > producersMax) {
      const [oldest] = this.#states.keys()
      if (oldest !== undefined) this.#states.delete(oldest)
    }
  }

  snapshot(): ProducersSnapshot {
    return [...this.#states]
  }

  restore(snapshot: ProducersSnapshot): void {
    this.#states = new Map(snapshot)
  }
}

function sequencesOf(header: BatchHeader): SequenceRange {
  const first = header.baseSequence
  const last = (first + header.recordsCount - 1) % (sequenceMax + 1)
  return { first, last, baseOffset: header.baseOffset }
}

function after(sequence: number): number {
  return sequence === sequenceMax ? 0 : sequence + 1
}

function sequential(isNext: boolean): Verdict {
  return isNext ? { kind: 'new' } : { kind: 'refused', error: 'OUT_OF_ORDER_SEQUENCE_NUMBER' }
}
