/**
 * One request frame: its header, then the body of its API.
 *
 *     Header (1) => api_key: INT16 api_version: INT16 correlation_id: INT32 client: NULLABLE_STRING
 *     Header (2) => the same and TAGS; of what is spoken here only ApiVersions 3 has it
 *     Answer => correlation_id: INT32 body
 */
import type { Answer, RequestContext } from './apis/api.ts'
import { refuseApiVersions } from './apis/api-versions.ts'
import { apis } from './apis/list.ts'
import { FrameError, Reader } from './wire/reader.ts'

export interface Request {
  readonly correlationId: number
  readonly clientId: string
  readonly apiName: string
  carryOut(context: RequestContext): Answer | Promise<Answer>
}

const apiOf = new Map(apis.map((api) => [api.key, api]))
const apiVersionsKey = 18

/** Throws `FrameError` for an API, a version or a body that is not of this broker's protocol. */
export function parseRequest(frame: Buffer): Request {
  const reader = new Reader(frame)
  const key = reader.int16()
  const version = reader.int16()
  const correlationId = reader.int32()
  const clientId = reader.nullableString() ?? ''
  const api = apiOf.get(key)
  if (api === undefined) throw new FrameError(`there is no API ${key} here`)
  const request = { correlationId, clientId, apiName: api.name }
  if (version < api.minVersion || version > api.maxVersion) {
    if (key !== apiVersionsKey) {
      throw new FrameError(`${api.name} is not spoken in version ${version}`)
    }
    return { ...request, carryOut: ({ broker }) => refuseApiVersions(broker.apis) }
  }
  if (key === apiVersionsKey && version >= 3) reader.skipTaggedFields()
  return { ...request, carryOut: api.parse(reader, version) }
}
