import { z } from 'zod'
import { alertRecord } from './alert.ts'
import { catalogRecord, entityContracts } from './catalog.ts'
import { commandRecord } from './command.ts'
import { testRecord } from './test.ts'

/** JSON Schema (2020-12) of what producers send, from the declarations that check it. */

export type JsonSchema = Readonly<Record<string, unknown>>

export interface RecordSchemas {
  readonly tests: JsonSchema
  readonly alerts: JsonSchema
  readonly commands: JsonSchema
  readonly catalog: JsonSchema
}

export function recordSchemas(): RecordSchemas {
  return {
    tests: inputSchema(testRecord),
    alerts: inputSchema(alertRecord),
    commands: inputSchema(commandRecord),
    catalog: catalogSchema(),
  }
}

/** The envelope, and per kind what its entity must be. */
function catalogSchema(): JsonSchema {
  const kinds = Object.entries(entityContracts)
  return {
    ...inputSchema(catalogRecord),
    allOf: kinds.map(([kind, { schema }]) => {
      const { $schema: _, ...entity } = inputSchema(schema)
      return {
        if: {
          properties: { kind: { const: kind }, op: { const: 'put' } },
          required: ['kind'],
        },
        // biome-ignore lint/suspicious/noThenProperty: JSON Schema's own keyword.
        then: { properties: { entity } },
      }
    }),
  }
}

function inputSchema(schema: z.ZodType): JsonSchema {
  return z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' })
}
