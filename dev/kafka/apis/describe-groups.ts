/**
 * DescribeGroups (15), versions 0-3: state and members of groups; an unknown one is "Dead".
 *
 *     Request => [group: STRING] operations: BOOL (3)
 *     Response => throttle_ms: INT32 (1+)
 *                 [error: INT16 group: STRING state: STRING protocol_type: STRING protocol: STRING
 *                   [member: STRING client: STRING host: STRING metadata: BYTES assignment: BYTES]
 *                   operations: INT32 (3)]
 */
import { errorCode } from '../wire/error-code.ts'
import { Writer } from '../wire/writer.ts'
import { defineApi } from './api.ts'

const noOperations = -0x8000_0000

export const describeGroups = defineApi({
  key: 15,
  name: 'DescribeGroups',
  minVersion: 0,
  maxVersion: 3,
  decode: (reader) => reader.array(() => reader.string()),
  answer(groupIds, version, { broker }) {
    const writer = new Writer()
    if (version >= 1) writer.int32(0)
    return writer.array(groupIds, (groupId) => {
      const group = broker.groups.get(groupId)
      // While the members have not agreed on a protocol there is nothing to show of them.
      const protocol = group?.state === 'Stable' ? (group.protocol ?? '') : ''
      writer
        .int16(errorCode.NONE)
        .string(groupId)
        .string(group?.state ?? 'Dead')
      writer.string(group?.protocolType ?? '').string(protocol)
      writer.array(group?.members ?? [], (member) => {
        writer.string(member.id).string(member.clientId).string(member.clientHost)
        writer.bytes(member.metadataFor(protocol)).bytes(member.assignment)
      })
      if (version >= 3) writer.int32(noOperations)
    })
  },
})
