import type { Report } from './report.ts'
import type { YamlScalar } from './yaml.ts'

/** `%name%` in a value with the modifier `expand`: the configured values of a name. */
export type Placeholders = ReadonlyMap<string, readonly string[]>

/** Values that one value may become. */
const expansionsMax = 1000

/** Every text that `value` stands for; undefined, with an error, where a name has no values. */
export function expandPlaceholders(
  report: Report,
  value: YamlScalar,
  placeholders: Placeholders,
): readonly string[] | undefined {
  let texts: readonly string[] = ['']
  for (const [part, name] of partsOf(value.text)) {
    const values = name === undefined ? [part] : placeholders.get(name)
    if (values === undefined || values.length === 0) {
      const note = `configure the values of \`${name}\` to use this rule`
      report.error('placeholder', `\`%${name}%\` has no values here`, value, note)
      return undefined
    }
    if (texts.length * values.length > expansionsMax) {
      report.error('placeholder', `this value expands to more than ${expansionsMax}`, value)
      return undefined
    }
    texts = texts.flatMap((start) => values.map((end) => start + end))
  }
  return texts
}

/** Literal parts, and the names of placeholders. `\%` is a plain percent sign. */
function partsOf(text: string): readonly (readonly [string, string | undefined])[] {
  return [...text.matchAll(/\\%|%([^%\s\\]+)%|[^%\\]+|[%\\]/g)].map((match) => {
    return [match[0] === '\\%' ? '%' : match[0], match[1]] as const
  })
}
