/**
 * LeaveGroup (13), versions 0-2: a member goes, and the others share its partitions at once.
 *
 *     Request => group: STRING member: STRING
 *     Response => throttle_ms: INT32 (1+) error: INT16
 */
import { errorCode } from '../wire/error-code.ts'
import { Writer } from '../wire/writer.ts'
import { defineApi } from './api.ts'

export const leaveGroup = defineApi({
  key: 13,
  name: 'LeaveGroup',
  minVersion: 0,
  maxVersion: 2,
  decode: (reader) => ({ groupId: reader.string(), memberId: reader.string() }),
  answer({ groupId, memberId }, version, { broker }) {
    const error = broker.groups.get(groupId)?.leave(memberId)
    const writer = new Writer()
    if (version >= 1) writer.int32(0)
    return writer.int16(errorCode[error ?? 'UNKNOWN_MEMBER_ID'])
  },
})
