/**
 * InitProducerId (22), versions 0-1: an id for an idempotent producer. Transactions are not offered.
 *
 *     Request => transactional_id: NULLABLE_STRING transaction_timeout_ms: INT32
 *     Response => throttle_ms: INT32 error: INT16 producer_id: INT64 producer_epoch: INT16
 */
import { errorCode } from '../wire/error-code.ts'
import { Writer } from '../wire/writer.ts'
import { defineApi } from './api.ts'

export const initProducerId = defineApi({
  key: 22,
  name: 'InitProducerId',
  minVersion: 0,
  maxVersion: 1,
  decode: (reader) => ({ transactionalId: reader.nullableString(), timeoutMs: reader.int32() }),
  answer({ transactionalId }, _, { broker }) {
    const writer = new Writer().int32(0)
    if (transactionalId !== null) {
      return writer.int16(errorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED).int64(-1).int16(-1)
    }
    return writer.int16(errorCode.NONE).int64(broker.topics.allocateProducerId()).int16(0)
  },
})
