import { type Attack, loadAttack } from '../schemas/attack.ts'
import type { MatchEvent } from '../schemas/event.ts'
import { fieldValue } from './field.ts'
import { evaluate } from './language/evaluate.ts'
import { resolveTechnique, techniqueIdOf } from './language/technique.ts'
import type { Emit, Rule } from './rule.ts'
import { numberOf, someScalar, textOf } from './value.ts'

/** A technique that one match says was used. Unique by technique and sub-technique in a match. */
export interface EmittedTechnique {
  readonly techniqueId: string
  /** Full `Tnnnn.nnn`, or ''. */
  readonly subTechniqueId: string
  /** In catalogue order; [] only where the pinned release does not know the technique. */
  readonly tactics: readonly string[]
  readonly inRelease: boolean
  /** [0, 1]. */
  readonly confidence: number
}

/** Techniques that one field of one event may name. */
const techniquesFromMax = 32

/** What a rule that matched `event` says about it: `when`, `scale` and `technique_from` resolved. */
export function emitsOf(
  rule: Rule,
  event: MatchEvent,
  attack: Attack = loadAttack(),
): readonly EmittedTechnique[] {
  if (rule.emits.every(isFixed)) return rule.emits
  const emitted = new Map<string, EmittedTechnique>()
  for (const emit of rule.emits) {
    if (!isWanted(rule, emit, event)) continue
    const confidence = scaledConfidence(emit, event)
    if (confidence === undefined) continue
    for (const technique of techniquesOf(emit, event, attack)) {
      const key = technique.subTechniqueId || technique.techniqueId
      if ((emitted.get(key)?.confidence ?? -1) >= confidence) continue
      const { techniqueId, subTechniqueId, tactics, inRelease } = technique
      emitted.set(key, { techniqueId, subTechniqueId, tactics, inRelease, confidence })
    }
  }
  return [...emitted.values()]
}

function isFixed(emit: Emit): boolean {
  return emit.when === undefined && emit.scale === undefined && emit.techniqueFrom === undefined
}

function isWanted(rule: Rule, emit: Emit, event: MatchEvent): boolean {
  if (emit.when === undefined) return true
  const selection = rule.selections.get(emit.when)
  return selection !== undefined && evaluate(selection, event)
}

/** Undefined when the field to scale by holds no number above zero: nothing was measured, nothing is said. */
function scaledConfidence(emit: Emit, event: MatchEvent): number | undefined {
  if (emit.scale === undefined) return emit.confidence
  let highest = 0
  someScalar(fieldValue(event.fields, emit.scale.field), (scalar) => {
    const value = numberOf(scalar)
    if (value > highest) highest = value
    return false
  })
  return highest === 0 ? undefined : emit.confidence * Math.min(1, highest / emit.scale.over)
}

function techniquesOf(
  emit: Emit,
  event: MatchEvent,
  attack: Attack,
): readonly Omit<EmittedTechnique, 'confidence'>[] {
  if (emit.techniqueFrom === undefined) return [emit]
  const ids = new Set<string>()
  someScalar(fieldValue(event.fields, emit.techniqueFrom), (scalar) => {
    const id = techniqueIdOf(textOf(scalar))
    if (id !== undefined) ids.add(id)
    return ids.size >= techniquesFromMax
  })
  return [...ids].map((id) => resolveTechnique(attack, id))
}
