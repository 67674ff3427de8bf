import { scalarText } from './anchor.ts'
import type { LogSource } from './event.ts'
import type { ParsedRecord } from './source.ts'
import type { Definition } from './source-definition.ts'
import { type Absent, compileExpression, type Expression } from './source-expression.ts'
import type { Reader } from './source-path.ts'

/** Log sources kept as shared objects; a hostile channel name must not fill the memory. */
const internedMax = 4_096

/**
 * Reads product, service and category. Equal log sources are the same object, so that a matcher can
 * find its plan by identity.
 */
export function compileLogSource(
  source: Definition['logsource'],
  absent: Absent,
): (fields: ParsedRecord) => LogSource {
  const product = compileDimension(source?.product, absent)
  const service = compileDimension(source?.service, absent)
  const categories = new Map<string, Reader>()
  for (const [key, expression] of Object.entries(source?.category ?? {})) {
    categories.set(key, compileExpression(expression, absent))
  }
  const anyCategory = categories.get('*')
  return (fields) => {
    const productName = scalarText(product(fields))
    const serviceName = scalarText(service(fields))
    const category = (categories.get(serviceName) ?? anyCategory)?.(fields)
    return internLogSource(productName, serviceName, scalarText(category))
  }
}

/** A plain name is the dimension itself, not a path. */
function compileDimension(source: Expression | undefined, absent: Absent): Reader {
  if (source === undefined) return () => undefined
  return typeof source === 'string' ? () => source : compileExpression(source, absent)
}

const interned = new Map<string, Map<string, Map<string, LogSource>>>()
let internedCount = 0

/** '' is an absent dimension. */
export function internLogSource(product: string, service: string, category: string): LogSource {
  const services = interned.get(product)
  const categories = services?.get(service)
  const known = categories?.get(category)
  if (known !== undefined) return known
  const logsource: LogSource = {
    ...(product === '' ? {} : { product }),
    ...(service === '' ? {} : { service }),
    ...(category === '' ? {} : { category }),
  }
  if (internedCount >= internedMax) return logsource
  internedCount += 1
  const byService = services ?? new Map<string, Map<string, LogSource>>()
  const byCategory = categories ?? new Map<string, LogSource>()
  byCategory.set(category, logsource)
  byService.set(service, byCategory)
  interned.set(product, byService)
  return logsource
}
