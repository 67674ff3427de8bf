/**
 * DescribeConfigs (32), versions 0-3: what is configured for a topic, as far as it means anything here.
 *
 *     Request => [type: INT8 name: STRING [config: STRING] (null: all)]
 *                synonyms: BOOL (1+) documentation: BOOL (3)
 *     Response => throttle_ms: INT32
 *                 [error: INT16 message: NULLABLE_STRING type: INT8 name: STRING
 *                   [config: STRING value: NULLABLE_STRING read_only: BOOL
 *                    is_default: BOOL (0) source: INT8 (1+) sensitive: BOOL
 *                    [synonym: STRING value: NULLABLE_STRING source: INT8] (1+)
 *                    type: INT8 (3) documentation: NULLABLE_STRING (3)]]
 *
 * The broker itself is asked for too by some tools; it shows nothing.
 */
import type { Broker } from '../broker.ts'
import { describeConfigs as describe } from '../topic-config.ts'
import { type ErrorName, errorCode } from '../wire/error-code.ts'
import { Writer } from '../wire/writer.ts'
import { defineApi } from './api.ts'

const topicResource = 2
const brokerResource = 4
const topicSource = 1
const defaultSource = 5
const stringType = 2

interface Resource {
  readonly type: number
  readonly name: string
  readonly keys: readonly string[] | null
}

export const describeConfigs = defineApi({
  key: 32,
  name: 'DescribeConfigs',
  minVersion: 0,
  maxVersion: 3,
  decode: (reader) =>
    reader.array(() => ({
      type: reader.int8(),
      name: reader.string(),
      keys: reader.nullableArray(() => reader.string()),
    })),
  answer(resources, version, { broker }) {
    const writer = new Writer().int32(0)
    return writer.array(resources, (resource) => {
      const [error, configs] = look(resource, broker)
      writer.int16(errorCode[error]).nullableString(null)
      writer.int8(resource.type).string(resource.name)
      writer.array(configs, ({ name, value, isDefault }) => {
        writer.string(name).nullableString(value).boolean(false)
        if (version === 0) writer.boolean(isDefault)
        else writer.int8(isDefault ? defaultSource : topicSource)
        writer.boolean(false)
        if (version >= 1) writer.array([], () => {})
        if (version >= 3) writer.int8(stringType).nullableString(null)
      })
    })
  },
})

function look(
  { type, name, keys }: Resource,
  { topics, settings }: Broker,
): [error: ErrorName, configs: ReturnType<typeof describe>] {
  if (type === brokerResource) return ['NONE', []]
  if (type !== topicResource) return ['INVALID_REQUEST', []]
  const topic = topics.get(name)
  if (topic === undefined) return ['UNKNOWN_TOPIC_OR_PARTITION', []]
  const configs = describe(topic.configs, settings)
  return ['NONE', configs.filter((config) => keys?.includes(config.name) ?? true)]
}
