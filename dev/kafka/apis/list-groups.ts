/**
 * ListGroups (16), versions 0-2.
 *
 *     Request =>
 *     Response => throttle_ms: INT32 (1+) error: INT16 [group: STRING protocol_type: STRING]
 */
import { errorCode } from '../wire/error-code.ts'
import { Writer } from '../wire/writer.ts'
import { defineApi } from './api.ts'

export const listGroups = defineApi({
  key: 16,
  name: 'ListGroups',
  minVersion: 0,
  maxVersion: 2,
  decode: () => null,
  answer(_, version, { broker }) {
    const writer = new Writer()
    if (version >= 1) writer.int32(0)
    writer.int16(errorCode.NONE)
    return writer.array(broker.groups.all, ({ id, protocolType }) => {
      writer.string(id).string(protocolType ?? '')
    })
  },
})
