/**
 * JoinGroup (11), versions 0-4: answered when the group is complete. From 4 on a new member is first
 * told its id (MEMBER_ID_REQUIRED). Version 5 would bring static membership.
 *
 *     Request => group: STRING session_timeout_ms: INT32 rebalance_timeout_ms: INT32 (1+)
 *                member: STRING protocol_type: STRING [protocol: STRING metadata: BYTES]
 *     Response => throttle_ms: INT32 (2+) error: INT16 generation: INT32 protocol: STRING
 *                 leader: STRING member: STRING [member: STRING metadata: BYTES]
 */
import { errorCode } from '../wire/error-code.ts'
import { Writer } from '../wire/writer.ts'
import { defineApi } from './api.ts'

export const joinGroup = defineApi({
  key: 11,
  name: 'JoinGroup',
  minVersion: 0,
  maxVersion: 4,
  decode(reader, version) {
    const groupId = reader.string()
    const sessionTimeoutMs = reader.int32()
    return {
      groupId,
      sessionTimeoutMs,
      rebalanceTimeoutMs: version >= 1 ? reader.int32() : sessionTimeoutMs,
      memberId: reader.string(),
      protocolType: reader.string(),
      protocols: reader.array(() => ({
        name: reader.string(),
        // A copy: it outlives the frame.
        metadata: Buffer.from(reader.bytes()),
      })),
    }
  },
  async answer(request, version, { broker, clientId, clientHost }) {
    const needsMemberId = version >= 4
    const joined = await broker.groups.join({ ...request, clientId, clientHost, needsMemberId })
    const writer = new Writer()
    if (version >= 2) writer.int32(0)
    writer.int16(errorCode[joined.error]).int32(joined.generation).string(joined.protocol)
    writer.string(joined.leaderId).string(joined.memberId)
    return writer.array(joined.members, ({ id, metadata }) => writer.string(id).bytes(metadata))
  },
})
