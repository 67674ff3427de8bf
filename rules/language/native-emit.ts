import type { Attack, Technique } from '../../schemas/attack.ts'
import type { Emit } from '../rule.ts'
import { Keys } from './keys.ts'
import type { Report, Span } from './report.ts'
import { tacticIdOf } from './technique.ts'
import type { YamlNode } from './yaml.ts'

export interface EmitOptions {
  readonly attack: Attack
  readonly selections: ReadonlySet<string>
  readonly checkField: (field: string, at: Span) => void
}

const emitKeys = [
  'technique_id',
  'sub_technique_id',
  'tactic',
  'confidence',
  'when',
  'scale',
  'technique_from',
]
/** Techniques that one rule may emit. */
const emitsMax = 32
/** Below this a tag is not written (G4). */
const confidenceFloor = 0.3

/** The `emits` of a native rule; everything in it must hold in the pinned ATT&CK release (R5). */
export function parseNativeEmits(
  report: Report,
  items: readonly YamlNode[],
  at: Span,
  options: EmitOptions,
): readonly Emit[] {
  if (items.length === 0) {
    report.error('missing-key', '`emits` needs at least one technique', at)
  }
  if (items.length > emitsMax) {
    report.error('too-many-emits', `a rule emits at most ${emitsMax} techniques`, at)
  }
  const seen = new Set<string>()
  return items.slice(0, emitsMax).flatMap((item) => {
    const emit = parseEmit(report, item, options)
    if (emit === undefined) return []
    const key = emit.techniqueFrom ?? (emit.subTechniqueId || emit.techniqueId)
    if (seen.has(key)) {
      const note = 'a technique and sub-technique stand once in a rule'
      report.error('duplicate-emit', `\`${key}\` is emitted twice`, item, note)
    }
    seen.add(key)
    return [emit]
  })
}

function parseEmit(report: Report, item: YamlNode, options: EmitOptions): Emit | undefined {
  if (item.kind !== 'map') {
    report.error('value-type', 'an emit is a map', item, 'such as `- technique_id: T1059`')
    return undefined
  }
  const keys = new Keys(report, item, 'an emit')
  keys.rejectUnknown(emitKeys)
  const confidence = parseConfidence(report, keys)
  const when = parseWhen(report, keys, options.selections)
  const scale = parseScale(report, keys, options)
  const technique = parseTechnique(report, keys, options)
  if (technique === undefined || confidence === undefined) return undefined
  return {
    ...technique,
    confidence,
    ...(when === undefined ? {} : { when }),
    ...(scale === undefined ? {} : { scale }),
  }
}

function parseConfidence(report: Report, keys: Keys): number | undefined {
  if (keys.require('confidence') === undefined) return undefined
  const value = keys.number('confidence')
  if (value === undefined) return undefined
  const at = keys.get('confidence') ?? keys.at('confidence')
  if (value < 0 || value > 1) {
    report.error('confidence-range', '`confidence` lies between 0 and 1', at)
    return undefined
  }
  if (value < confidenceFloor) {
    const note = `tags below ${confidenceFloor} are counted and dropped`
    report.warn('confidence-floor', 'this emit never becomes a tag', at, note)
  }
  return value
}

function parseWhen(
  report: Report,
  keys: Keys,
  selections: ReadonlySet<string>,
): string | undefined {
  const when = keys.text('when')
  if (when === undefined || selections.has(when)) return when
  const at = keys.get('when') ?? keys.at('when')
  const has = [...selections].map((name) => `\`${name}\``).join(', ')
  const note = selections.size === 0 ? 'the short form of `match` has none' : `it has ${has}`
  report.error('unknown-selection', `\`${when}\` is not a selection of this rule`, at, note)
  return undefined
}

function parseScale(report: Report, keys: Keys, options: EmitOptions): Emit['scale'] {
  const map = keys.map('scale')
  if (map === undefined) return undefined
  const scale = new Keys(report, map, 'a scale')
  scale.rejectUnknown(['field', 'over'])
  const field = scale.require('field') === undefined ? undefined : scale.text('field')
  const over = scale.require('over') === undefined ? undefined : scale.number('over')
  if (field !== undefined) options.checkField(field, scale.get('field') ?? map)
  if (over !== undefined && over <= 0) {
    report.error('value-type', '`over` is a number above 0', scale.get('over') ?? map)
  }
  return field === undefined || over === undefined ? undefined : { field, over }
}

type EmitTechnique = Pick<
  Emit,
  'techniqueId' | 'subTechniqueId' | 'tactics' | 'inRelease' | 'techniqueFrom'
>

function parseTechnique(
  report: Report,
  keys: Keys,
  options: EmitOptions,
): EmitTechnique | undefined {
  const from = keys.text('technique_from')
  if (from !== undefined) {
    for (const name of ['technique_id', 'sub_technique_id', 'tactic']) {
      if (keys.get(name) === undefined) continue
      const note = 'technique and tactic come from the field and the catalogue'
      report.error('emit-conflict', `\`${name}\` beside \`technique_from\``, keys.at(name), note)
    }
    options.checkField(from, keys.get('technique_from') ?? keys.at('technique_from'))
    return {
      techniqueId: '',
      subTechniqueId: '',
      tactics: [],
      inRelease: true,
      techniqueFrom: from,
    }
  }
  if (keys.require('technique_id') === undefined) return undefined
  const parent = knownTechnique(report, keys, 'technique_id', options.attack)
  const sub =
    keys.text('sub_technique_id') === undefined
      ? undefined
      : knownTechnique(report, keys, 'sub_technique_id', options.attack)
  if (parent === undefined || (keys.text('sub_technique_id') !== undefined && sub === undefined)) {
    return undefined
  }
  if (parent.parentId !== undefined) {
    const note = `write technique_id: ${parent.parentId}, sub_technique_id: ${parent.id}`
    const at = keys.get('technique_id') ?? keys.at('technique_id')
    report.error('technique-is-sub', `\`${parent.id}\` is a sub-technique`, at, note)
    return undefined
  }
  if (sub !== undefined && sub.parentId !== parent.id) {
    const at = keys.get('sub_technique_id') ?? keys.at('sub_technique_id')
    const message = `\`${sub.id}\` is not a sub-technique of \`${parent.id}\``
    report.error('technique-parent', message, at)
    return undefined
  }
  const tactics = parseTactics(report, keys, sub ?? parent, options.attack)
  return {
    techniqueId: parent.id,
    subTechniqueId: sub?.id ?? '',
    tactics,
    inRelease: true,
  }
}

function knownTechnique(
  report: Report,
  keys: Keys,
  key: string,
  attack: Attack,
): Technique | undefined {
  const id = keys.text(key) ?? ''
  const at = keys.get(key) ?? keys.at(key)
  const technique = attack.technique(id)
  if (technique === undefined) {
    const message = `ATT&CK ${attack.release} has no technique \`${id}\``
    report.error('unknown-technique', message, at, 'it is written T1059 or T1059.004')
    return undefined
  }
  if (technique.isRevoked) {
    const next = attack.current(id)
    const note = next === undefined ? undefined : `it is now \`${next.id}\` (${next.name})`
    report.error('revoked-technique', `\`${id}\` (${technique.name}) was revoked`, at, note)
    return undefined
  }
  if (technique.isDeprecated) {
    report.error('deprecated-technique', `\`${id}\` (${technique.name}) is deprecated`, at)
    return undefined
  }
  return technique
}

/** The rule's, checked against the technique's; without any, all of the technique's. */
function parseTactics(
  report: Report,
  keys: Keys,
  technique: Technique,
  attack: Attack,
): readonly string[] {
  const named = keys.texts('tactic')
  if (named.length === 0) return technique.tactics
  const ids = named.flatMap((scalar) => {
    const id = tacticIdOf(attack, scalar.text, technique.domain)
    const belongs = technique.tactics
      .map((tactic) => `${tactic} (${attack.tactic(tactic)?.shortname ?? ''})`)
      .join(', ')
    if (id === undefined) {
      const message = `ATT&CK ${attack.release} has no tactic \`${scalar.text}\``
      report.error('unknown-tactic', message, scalar, `\`${technique.id}\` has ${belongs}`)
      return []
    }
    if (technique.tactics.includes(id)) return [id]
    const message = `\`${technique.id}\` (${technique.name}) does not belong to \`${scalar.text}\``
    report.error('tactic-mismatch', message, scalar, `it belongs to ${belongs}`)
    return []
  })
  return technique.tactics.filter((tactic) => ids.includes(tactic))
}
