/**
 * SyncGroup (14), versions 0-2: the leader brings the assignment, everybody gets their part of it.
 *
 *     Request => group: STRING generation: INT32 member: STRING [member: STRING assignment: BYTES]
 *     Response => throttle_ms: INT32 (1+) error: INT16 assignment: BYTES
 */
import { errorCode } from '../wire/error-code.ts'
import { Writer } from '../wire/writer.ts'
import { defineApi } from './api.ts'

export const syncGroup = defineApi({
  key: 14,
  name: 'SyncGroup',
  minVersion: 0,
  maxVersion: 2,
  decode: (reader) => ({
    groupId: reader.string(),
    generation: reader.int32(),
    memberId: reader.string(),
    assignments: new Map(reader.array(() => [reader.string(), reader.bytes()] as const)),
  }),
  async answer(request, version, { broker }) {
    const { error, assignment } = await broker.groups.sync(request, request.assignments)
    const writer = new Writer()
    if (version >= 1) writer.int32(0)
    return writer.int16(errorCode[error]).bytes(assignment)
  },
})
