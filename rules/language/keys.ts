import type { Report, Span } from './report.ts'
import { didYouMean } from './suggest.ts'
import { scalarValue, type YamlMap, type YamlNode, type YamlScalar } from './yaml.ts'

/** Reads the keys of a map as the types they should have, and reports those that do not. */
export class Keys {
  readonly #report: Report
  readonly #map: YamlMap
  readonly #what: string

  /** `what` names the map in messages: "a rule". */
  constructor(report: Report, map: YamlMap, what: string) {
    this.#report = report
    this.#map = map
    this.#what = what
  }

  get(name: string): YamlNode | undefined {
    return this.#map.entries.find((entry) => entry.key.text === name)?.value
  }

  /** Where a key stands, or the start of the map without it. */
  at(name: string): Span {
    const entry = this.#map.entries.find((one) => one.key.text === name)
    return entry?.key ?? { start: this.#map.start, end: this.#map.start + 1 }
  }

  rejectUnknown(known: readonly string[]): void {
    for (const { key } of this.#map.entries) {
      if (known.includes(key.text)) continue
      const message = `\`${key.text}\` is not a key of ${this.#what}`
      const note = didYouMean(key.text, known) ?? `it has ${known.join(', ')}`
      this.#report.error('unknown-key', message, key, note)
    }
  }

  require(name: string): YamlNode | undefined {
    const node = this.get(name)
    if (node !== undefined) return node
    this.#report.error('missing-key', `${this.#what} needs \`${name}\``, this.at(name))
    return undefined
  }

  scalar(name: string): YamlScalar | undefined {
    const node = this.get(name)
    if (node === undefined || node.kind === 'scalar') return node
    this.#wrongType(name, node, 'text')
    return undefined
  }

  /** Text, trimmed; undefined when absent, null or empty. */
  text(name: string): string | undefined {
    const text = this.scalar(name)?.text.trim()
    return text === '' || text === '~' || text === 'null' ? undefined : text
  }

  number(name: string): number | undefined {
    const scalar = this.scalar(name)
    if (scalar === undefined) return undefined
    const value = scalarValue(scalar)
    if (typeof value === 'number') return value
    this.#wrongType(name, scalar, 'a number')
    return undefined
  }

  /** true or false; `fallback` when absent or neither. */
  flag(name: string, fallback: boolean): boolean {
    const scalar = this.scalar(name)
    if (scalar === undefined) return fallback
    const value = scalarValue(scalar)
    if (typeof value === 'boolean') return value
    this.#wrongType(name, scalar, 'true or false')
    return fallback
  }

  map(name: string): YamlMap | undefined {
    const node = this.get(name)
    if (node === undefined || node.kind === 'map') return node
    this.#wrongType(name, node, 'a map')
    return undefined
  }

  /** The items of a list; of a single value, that value; [] when absent. */
  items(name: string): readonly YamlNode[] {
    const node = this.get(name)
    if (node === undefined) return []
    if (node.kind === 'list') return node.items
    return node.kind === 'scalar' && scalarValue(node) === null ? [] : [node]
  }

  /** The items of a list of texts. */
  texts(name: string): readonly YamlScalar[] {
    return this.items(name).flatMap((item) => {
      if (item.kind === 'scalar') return [item]
      this.#wrongType(name, item, 'a list of texts')
      return []
    })
  }

  #wrongType(name: string, at: Span, wanted: string): void {
    this.#report.error('value-type', `\`${name}\` takes ${wanted}`, at)
  }
}
