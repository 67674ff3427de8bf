/**
 * DeleteTopics (20), versions 1-3. What groups have committed on the topic goes with it.
 *
 *     Request => [topic: STRING] timeout_ms: INT32
 *     Response => throttle_ms: INT32 [topic: STRING error: INT16]
 */
import { errorCode } from '../wire/error-code.ts'
import { Writer } from '../wire/writer.ts'
import { defineApi } from './api.ts'

export const deleteTopics = defineApi({
  key: 20,
  name: 'DeleteTopics',
  minVersion: 1,
  maxVersion: 3,
  decode: (reader) => ({ names: reader.array(() => reader.string()), timeoutMs: reader.int32() }),
  answer({ names }, _, { broker }) {
    const { topics, groups } = broker
    const writer = new Writer().int32(0)
    return writer.array(names, (name) => {
      const topic = topics.get(name)
      if (topic !== undefined) {
        groups.forgetTopic(name)
        topics.delete(topic)
      }
      writer
        .string(name)
        .int16(errorCode[topic === undefined ? 'UNKNOWN_TOPIC_OR_PARTITION' : 'NONE'])
    })
  },
})
