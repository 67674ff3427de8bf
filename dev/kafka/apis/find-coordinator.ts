/**
 * FindCoordinator (10), versions 0-2: the broker that looks after a group. There is but one.
 *
 *     Request => key: STRING key_type: INT8 (1+)
 *     Response => throttle_ms: INT32 (1+) error: INT16 message: NULLABLE_STRING (1+)
 *                 node: INT32 host: STRING port: INT32
 */
import { type ErrorName, errorCode } from '../wire/error-code.ts'
import { Writer } from '../wire/writer.ts'
import { defineApi } from './api.ts'

const groupKey = 0

export const findCoordinator = defineApi({
  key: 10,
  name: 'FindCoordinator',
  minVersion: 0,
  maxVersion: 2,
  decode: (reader, version) => ({
    key: reader.string(),
    keyType: version >= 1 ? reader.int8() : groupKey,
  }),
  answer({ keyType }, version, { broker }) {
    const isGroup = keyType === groupKey
    const error: ErrorName = isGroup ? 'NONE' : 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED'
    const writer = new Writer()
    if (version >= 1) writer.int32(0)
    writer.int16(errorCode[error])
    if (version >= 1) writer.nullableString(isGroup ? null : 'there are no transactions here')
    return isGroup
      ? writer.int32(broker.nodeId).string(broker.host).int32(broker.port)
      : writer.int32(-1).string('').int32(-1)
  },
})
