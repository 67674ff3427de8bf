import type { Broker } from '../broker.ts'
import type { Reader } from '../wire/reader.ts'
import type { Writer } from '../wire/writer.ts'

/** Who asks, and of which broker. */
export interface RequestContext {
  readonly broker: Broker
  readonly clientId: string
  readonly clientHost: string
  /** Fires when the connection is gone: nobody will read the answer. */
  readonly signal: AbortSignal
}

/** The body of the answer; null where the protocol has none. */
export type Answer = Writer | null

/**
 * One API of Kafka's protocol, in the versions it is spoken here (none with tagged fields, but for
 * ApiVersions).
 *
 * Contract: `decode` reads and checks, and changes nothing; it throws `FrameError` alone.
 */
export interface ApiDefinition<Request> {
  readonly key: number
  readonly name: string
  readonly minVersion: number
  readonly maxVersion: number
  decode(reader: Reader, version: number): Request
  answer(request: Request, version: number, context: RequestContext): Answer | Promise<Answer>
}

export interface Api
  extends Pick<ApiDefinition<unknown>, 'key' | 'name' | 'minVersion' | 'maxVersion'> {
  /** Reads the request; the result carries it out. */
  parse(reader: Reader, version: number): (context: RequestContext) => Answer | Promise<Answer>
}

export function defineApi<Request>(definition: ApiDefinition<Request>): Api {
  const { key, name, minVersion, maxVersion } = definition
  return {
    key,
    name,
    minVersion,
    maxVersion,
    parse(reader, version) {
      const request = definition.decode(reader, version)
      return (context) => definition.answer(request, version, context)
    },
  }
}

/** An API with one topic list: `[topic: string, [partition]]`, as most have. */
export interface TopicPartitions<Partition> {
  readonly topic: string
  readonly partitions: readonly Partition[]
}

export function readTopics<Partition>(
  reader: Reader,
  readPartition: () => Partition,
): TopicPartitions<Partition>[] {
  return reader.array(() => ({
    topic: reader.string(),
    partitions: reader.array(readPartition),
  }))
}

export function writeTopics<Partition>(
  writer: Writer,
  topics: readonly TopicPartitions<Partition>[],
  writePartition: (partition: Partition) => void,
): Writer {
  return writer.array(topics, ({ topic, partitions }) => {
    writer.string(topic).array(partitions, writePartition)
  })
}
