/** Why a record batch cannot be turned into records: the code of its dead letter. */
export type UndecodableCode =
  /** The bytes are not those that the producer sent. */
  | 'batch-checksum'
  /** Compressed by a codec that Kafka's protocol does not name. */
  | 'batch-codec'
  /** Decompression, or the records behind it, make no sense. */
  | 'batch-corrupt'
  /** More bytes or records, decompressed, than the limit. */
  | 'batch-too-large'
  /** Not a batch of the format that Kafka has had since 0.11. */
  | 'batch-format'

export class Undecodable extends Error {
  override readonly name = 'Undecodable'
  readonly code: UndecodableCode

  constructor(code: UndecodableCode, message: string) {
    super(message)
    this.code = code
  }
}

export function tooLarge(bytesMax: number): Undecodable {
  return new Undecodable(
    'batch-too-large',
    `the batch takes more than ${bytesMax} bytes decompressed; raise TTPSTREAM_BATCH_BYTES_MAX to read it`,
  )
}
