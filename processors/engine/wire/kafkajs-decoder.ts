/**
 * Puts our decoder of record sets in the place of kafkajs's own, for every consumer of this process.
 * kafkajs has no hook for it; `docs/decisions/undecodable-batches.md` tells why this is the narrowest
 * place, and why its version is pinned. From then on every consumer of this process takes batches by
 * `recordsOfBatch`: to `eachMessage` a whole batch is one message.
 */

import { createRequire } from 'node:module'
import { assert } from '../../../core/error.ts'
import { holdAnswer } from './answer-memory.ts'
import { type Budget, budgetOf, decodeRecordSet } from './record-set.ts'
import type { SetEntry } from './set-entry.ts'

/** kafkajs's cursor over a fetch answer, as far as it is used here. */
interface Decoder {
  readonly buffer: Buffer
  readInt32(): number
  canReadBytes(count: number): boolean
  readBytes(count: number): Buffer
}

const require = createRequire(import.meta.url)
const decoderPath = 'kafkajs/src/protocol/requests/fetch/v4/decodeMessages.js'
/** The modules that hold on to it; kafkajs asks for them anew at every fetch. */
const holderPaths = [4, 5, 7, 8, 11].map(
  (version) => `kafkajs/src/protocol/requests/fetch/v${version}/response.js`,
)

let batchBytesMax = 0

/** `bytesMax` bounds what one record batch, and all of one fetch answer, take in memory when decoded. */
export function installRecordDecoder(bytesMax: number): void {
  assert(bytesMax > 0, 'the limit of a record batch must be positive')
  batchBytesMax = bytesMax
  const path = require.resolve(decoderPath)
  require(path)
  const module = require.cache[path]
  assert(module !== undefined, `${decoderPath} is not loaded`)
  if (module.exports === decodeMessages) return
  module.exports = decodeMessages
  for (const holder of holderPaths) delete require.cache[require.resolve(holder)]
}

/** By the answer's bytes: the partitions of one answer share one budget. */
const budgets = new WeakMap<Buffer, Budget>()

async function decodeMessages(decoder: Decoder): Promise<SetEntry[]> {
  const size = decoder.readInt32()
  if (size <= 0 || !decoder.canReadBytes(size)) return []
  const set = decoder.readBytes(size)
  const budget = budgets.get(decoder.buffer) ?? budgetOf(batchBytesMax)
  budgets.set(decoder.buffer, budget)
  const entries = await decodeRecordSet(set, budget)
  holdAnswer(decoder.buffer, entries)
  return entries
}
