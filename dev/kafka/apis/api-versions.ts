/**
 * ApiVersions (18), versions 0-3: which APIs and versions are spoken here.
 *
 *     Request (3) => client_software_name: COMPACT_STRING client_software_version: COMPACT_STRING TAGS
 *     Response (0-2) => error_code: INT16 [api_key: INT16 min: INT16 max: INT16] throttle_ms: INT32 (1+)
 *     Response (3) => error_code: INT16 COMPACT[api_key min max TAGS] throttle_ms: INT32 TAGS
 *
 * A client asks before it knows anything, so a version above ours is answered all the same: error 35 in
 * a body of version 0. For the same reason the answer's header never has tagged fields.
 */
import type { ApiRange } from '../broker.ts'
import { errorCode } from '../wire/error-code.ts'
import { Writer } from '../wire/writer.ts'
import { defineApi } from './api.ts'

export const apiVersions = defineApi({
  key: 18,
  name: 'ApiVersions',
  minVersion: 0,
  maxVersion: 3,
  // The client's name and version are of no use here.
  decode: () => null,
  answer: (_, version, { broker }) => writeApiVersions(broker.apis, version),
})

/** The answer to an ApiVersions request of a version that is not spoken here. */
export function refuseApiVersions(apis: readonly ApiRange[]): Writer {
  return writeRanges(new Writer().int16(errorCode.UNSUPPORTED_VERSION), apis)
}

function writeApiVersions(apis: readonly ApiRange[], version: number): Writer {
  const writer = new Writer().int16(errorCode.NONE)
  if (version < 3) {
    writeRanges(writer, apis)
    return version === 0 ? writer : writer.int32(0)
  }
  writer.unsignedVarint(apis.length + 1)
  for (const { key, minVersion, maxVersion } of apis) {
    writer.int16(key).int16(minVersion).int16(maxVersion).unsignedVarint(0)
  }
  return writer.int32(0).unsignedVarint(0)
}

function writeRanges(writer: Writer, apis: readonly ApiRange[]): Writer {
  return writer.array(apis, ({ key, minVersion, maxVersion }) => {
    writer.int16(key).int16(minVersion).int16(maxVersion)
  })
}
