/**
 * Heartbeat (12), versions 0-2: a member lives, and learns of a rebalance.
 *
 *     Request => group: STRING generation: INT32 member: STRING
 *     Response => throttle_ms: INT32 (1+) error: INT16
 */
import { errorCode } from '../wire/error-code.ts'
import { Writer } from '../wire/writer.ts'
import { defineApi } from './api.ts'

export const heartbeat = defineApi({
  key: 12,
  name: 'Heartbeat',
  minVersion: 0,
  maxVersion: 2,
  decode: (reader) => ({
    groupId: reader.string(),
    generation: reader.int32(),
    memberId: reader.string(),
  }),
  answer({ groupId, generation, memberId }, version, { broker }) {
    const error = broker.groups.get(groupId)?.heartbeat(memberId, generation)
    const writer = new Writer()
    if (version >= 1) writer.int32(0)
    return writer.int16(errorCode[error ?? 'UNKNOWN_MEMBER_ID'])
  },
})
