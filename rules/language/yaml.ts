import { EVENT_ID, type Event, getScalarValue, parseEvents, SCALAR_STYLE } from 'js-yaml'
import { messageOf } from '../../core/error.ts'
import type { Report, Span } from './report.ts'

/**
 * YAML as a tree that remembers where everything stood, so that a diagnostic can point at it.
 *
 * Contract:
 * - A scalar keeps its text. What a plain one means (`12`, `null`, `true`) is asked for, never
 *   imposed: `00050429`, `0x1410` and `2024-03-01` stay text.
 * - Bounded: size of the file, depth, and nodes with every alias counted in full.
 * - Never throws for what the text holds.
 */

export interface YamlScalar extends Span {
  readonly kind: 'scalar'
  readonly text: string
  /** Neither quoted nor a block, so `scalarValue` may read it as a number, boolean or null. */
  readonly isPlain: boolean
}

export interface YamlList extends Span {
  readonly kind: 'list'
  readonly items: readonly YamlNode[]
}

export interface YamlEntry {
  readonly key: YamlScalar
  readonly value: YamlNode
}

export interface YamlMap extends Span {
  readonly kind: 'map'
  readonly entries: readonly YamlEntry[]
}

export type YamlNode = YamlScalar | YamlList | YamlMap
export type ScalarValue = string | number | boolean | null

/** The largest rule of SigmaHQ is 60 KB; a file of a thousand rules may be a few MB. */
export const fileCharsMax = 8 * 1024 * 1024
const depthMax = 40
const nodesMax = 1_000_000

/** The documents of a file that hold something. Problems go to `report`. */
export function parseYaml(report: Report): readonly YamlNode[] {
  if (report.text.length > fileCharsMax) {
    const note = `split it: the limit is ${fileCharsMax} characters`
    report.error('file-too-large', 'this file is too large to be rules', { start: 0, end: 1 }, note)
    return []
  }
  let events: readonly Event[]
  try {
    events = parseEvents(report.text, { maxDepth: depthMax })
  } catch (thrown) {
    report.error('yaml', reasonOf(thrown), positionOf(thrown))
    return []
  }
  return new TreeBuilder(report, events).documents()
}

/** What a scalar means by YAML 1.2's core schema, less what would lose text: hex, octal, leading zeros, `+`. */
export function scalarValue(scalar: YamlScalar): ScalarValue {
  const { text } = scalar
  if (!scalar.isPlain) return text
  if (/^(?:|~|null|Null|NULL)$/.test(text)) return null
  if (/^(?:true|True|TRUE)$/.test(text)) return true
  if (/^(?:false|False|FALSE)$/.test(text)) return false
  if (/^-?(?:0|[1-9]\d*)$/.test(text)) {
    const value = Number(text)
    return Number.isSafeInteger(value) ? value : text
  }
  if (/^-?(?:0|[1-9]\d*)\.\d+(?:[eE][-+]?\d+)?$/.test(text)) return Number(text)
  return text
}

/** The tree as plain values; for samples and other free-form parts. */
export function plainValue(node: YamlNode): unknown {
  if (node.kind === 'scalar') return scalarValue(node)
  if (node.kind === 'list') return node.items.map(plainValue)
  return Object.fromEntries(node.entries.map(({ key, value }) => [key.text, plainValue(value)]))
}

class TreeBuilder {
  readonly #report: Report
  readonly #events: readonly Event[]
  #next = 0
  #nodes = 0
  #position = 0
  #anchors = new Map<string, { node: YamlNode; nodes: number }>()

  constructor(report: Report, events: readonly Event[]) {
    this.#report = report
    this.#events = events
  }

  documents(): readonly YamlNode[] {
    const documents: YamlNode[] = []
    while (this.#next < this.#events.length) {
      this.#next += 1 // the document event
      this.#anchors = new Map()
      const node = this.#node()
      this.#next += 1 // its pop
      if (!(node.kind === 'scalar' && node.isPlain && node.text === '')) documents.push(node)
    }
    if (this.#nodes > nodesMax) {
      const note = `aliases count in full; the limit is ${nodesMax} nodes`
      this.#report.error('yaml-too-many-nodes', 'this file is too large', origin, note)
      return []
    }
    return documents
  }

  #node(): YamlNode {
    const event = this.#events[this.#next]
    this.#next += 1
    const before = this.#nodes
    this.#nodes += 1
    if (event === undefined || event.type === EVENT_ID.POP || event.type === EVENT_ID.DOCUMENT) {
      return this.#empty()
    }
    if (event.type === EVENT_ID.ALIAS) return this.#alias(event.anchorStart, event.anchorEnd)
    let node: YamlNode
    if (event.type === EVENT_ID.SCALAR) {
      node = this.#scalar(event)
    } else if (event.type === EVENT_ID.SEQUENCE) {
      this.#position = Math.max(this.#position, event.start)
      this.#checkTag(event.tagStart, event.tagEnd)
      node = this.#list(event.start)
    } else {
      this.#position = Math.max(this.#position, event.start)
      this.#checkTag(event.tagStart, event.tagEnd)
      node = this.#map(event.start)
    }
    if (event.anchorStart >= 0) {
      const name = this.#report.text.slice(event.anchorStart, event.anchorEnd)
      this.#anchors.set(name, { node, nodes: this.#nodes - before })
    }
    return node
  }

  #scalar(event: Extract<Event, { type: typeof EVENT_ID.SCALAR }>): YamlScalar {
    if (event.valueStart < 0) return this.#empty()
    const tag = this.#checkTag(event.tagStart, event.tagEnd)
    this.#position = event.valueEnd
    return {
      kind: 'scalar',
      text: getScalarValue(this.#report.text, event),
      isPlain: event.style === SCALAR_STYLE.PLAIN && tag !== '!!str' && tag !== '!',
      start: event.valueStart,
      end: event.valueEnd,
    }
  }

  #list(start: number): YamlList {
    const items: YamlNode[] = []
    while (this.#isInside()) items.push(this.#node())
    this.#next += 1
    return { kind: 'list', items, start, end: this.#position }
  }

  #map(start: number): YamlMap {
    const entries: YamlEntry[] = []
    const names = new Set<string>()
    const merged: YamlEntry[] = []
    while (this.#isInside()) {
      const key = this.#node()
      const value = this.#node()
      if (key.kind !== 'scalar') {
        this.#report.error('yaml-key', 'a key must be text', key)
        continue
      }
      if (key.isPlain && key.text === '<<') {
        merged.push(...this.#mergeSource(value))
        continue
      }
      if (names.has(key.text)) {
        const note = 'the second would silently replace the first: give each its own name'
        this.#report.error('duplicate-key', `\`${key.text}\` is here twice`, key, note)
        continue
      }
      names.add(key.text)
      entries.push({ key, value })
    }
    this.#next += 1
    for (const entry of merged) {
      if (names.has(entry.key.text)) continue
      names.add(entry.key.text)
      entries.push(entry)
    }
    return { kind: 'map', entries, start, end: this.#position }
  }

  #mergeSource(value: YamlNode): readonly YamlEntry[] {
    if (value.kind === 'map') return value.entries
    if (value.kind === 'list') return value.items.flatMap((item) => this.#mergeSource(item))
    this.#report.error('yaml-merge', '`<<` takes a map or a list of maps', value)
    return []
  }

  #alias(start: number, end: number): YamlNode {
    const name = this.#report.text.slice(start, end)
    const anchor = this.#anchors.get(name)
    this.#position = end
    if (anchor === undefined) {
      const note = 'an anchor must stand before its alias, and not around it'
      this.#report.error('yaml-alias', `\`*${name}\` has no anchor`, { start, end }, note)
      return this.#empty()
    }
    this.#nodes += anchor.nodes
    // Past the limit the file is refused; until then nothing may grow with the aliases.
    return this.#nodes > nodesMax ? this.#empty() : anchor.node
  }

  #isInside(): boolean {
    const event = this.#events[this.#next]
    return event !== undefined && event.type !== EVENT_ID.POP
  }

  #checkTag(start: number, end: number): string {
    if (start < 0) return ''
    const tag = this.#report.text.slice(start, end)
    if (!knownTags.has(tag)) {
      this.#report.error('yaml-tag', `\`${tag}\` is not a tag of a rule file`, { start, end })
    }
    return tag
  }

  #empty(): YamlScalar {
    return { kind: 'scalar', text: '', isPlain: true, start: this.#position, end: this.#position }
  }
}

const knownTags = new Set(['!', '!!str', '!!int', '!!float', '!!bool', '!!null', '!!map', '!!seq'])
const origin: Span = { start: 0, end: 1 }

function reasonOf(thrown: unknown): string {
  const hasReason = typeof thrown === 'object' && thrown !== null && 'reason' in thrown
  return hasReason && typeof thrown.reason === 'string' ? thrown.reason : messageOf(thrown)
}

function positionOf(thrown: unknown): Span {
  if (typeof thrown !== 'object' || thrown === null || !('mark' in thrown)) return origin
  const { mark } = thrown
  if (typeof mark !== 'object' || mark === null || !('position' in mark)) return origin
  const { position } = mark
  return typeof position === 'number' ? { start: position, end: position + 1 } : origin
}
