/**
 * DeleteGroups (42), versions 0-1: an empty group and what it has committed.
 *
 *     Request => [group: STRING]
 *     Response => throttle_ms: INT32 [group: STRING error: INT16]
 */
import { errorCode } from '../wire/error-code.ts'
import { Writer } from '../wire/writer.ts'
import { defineApi } from './api.ts'

export const deleteGroups = defineApi({
  key: 42,
  name: 'DeleteGroups',
  minVersion: 0,
  maxVersion: 1,
  decode: (reader) => reader.array(() => reader.string()),
  answer(groupIds, _, { broker }) {
    const writer = new Writer().int32(0)
    return writer.array(groupIds, (groupId) => {
      writer.string(groupId).int16(errorCode[broker.groups.delete(groupId)])
    })
  },
})
