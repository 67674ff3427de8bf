/**
 * Gives back the memory of a fetch answer when the last of its batches is done. Left to the garbage
 * collector, buffers of 16 MB outlive two scavenges, wait for a full collection, and bring it about:
 * every two or three fetches, at the price of marking all rules.
 *
 * Contract: who releases a batch reads none of its records' bytes any more. Memory that was given back
 * reads as empty, never as another answer's. A batch that is never released costs only the wait.
 */

import type { Batch } from 'kafkajs'
import type { SetEntry } from './set-entry.ts'

/** Smaller ones may share their memory with others, and weigh nothing. */
const answerBytesMin = 1 << 20
/** Length and correlation id, which kafkajs has read before. */
const headerBytes = 8

interface Answer {
  readonly memory: ArrayBuffer
  /** Batches that have not been released. */
  users: number
}

const answers = new WeakMap<ArrayBuffer, Answer>()
const answerOf = new WeakMap<object, Answer>()

/** `entries` are the records of one partition in the answer `bytes`. */
export function holdAnswer(bytes: Buffer, entries: readonly SetEntry[]): void {
  const memory = bytes.buffer
  if (!(memory instanceof ArrayBuffer) || memory.byteLength < answerBytesMin) return
  // kafkajs hands nobody a batch without entries.
  if (entries.length === 0) return
  // Over TLS kafkajs joins pieces itself: there may be another answer in the same memory.
  if (memory.byteLength !== headerBytes + bytes.length) return
  const answer = answers.get(memory) ?? { memory, users: 0 }
  answer.users += 1
  answers.set(memory, answer)
  answerOf.set(entries, answer)
}

/** The memory that this batch shares with others of its answer; null: it is small, or not ours to give back. */
export function memoryOf(batch: Batch): ArrayBuffer | null {
  return answerOf.get(entriesOf(batch))?.memory ?? null
}

/** Once for each batch. */
export function releaseAnswer(batch: Batch): void {
  const entries = entriesOf(batch)
  const answer = answerOf.get(entries)
  if (answer === undefined) return
  answerOf.delete(entries)
  answer.users -= 1
  // What is transferred to nobody is freed with the next scavenge.
  if (answer.users === 0) structuredClone(answer.memory, { transfer: [answer.memory] })
}

/** kafkajs keeps the entries as they were decoded, though its types do not say so. */
function entriesOf(batch: Batch): object {
  const entries = 'rawMessages' in batch ? batch.rawMessages : null
  return typeof entries === 'object' && entries !== null ? entries : batch
}
