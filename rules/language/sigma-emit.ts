import type { Attack } from '../../schemas/attack.ts'
import type { Emit } from '../rule.ts'
import type { Report } from './report.ts'
import { resolveTechnique, tacticIdOf, techniqueIdOf } from './technique.ts'
import type { YamlScalar } from './yaml.ts'

/**
 * Emits of a Sigma rule or correlation: one for each technique among its `attack.…` tags. A
 * technique's tactics are those of its own that the rule names too, else all of its own. What the
 * pinned release does not know is a warning here, never an error (R5).
 */
export function parseSigmaTags(
  report: Report,
  tags: readonly YamlScalar[],
  confidence: number,
  attack: Attack,
): readonly Emit[] {
  const named = new Set<string>()
  const techniques: [YamlScalar, string][] = []
  for (const tag of tags) {
    const [, name] = /^attack\.(.+)$/i.exec(tag.text.trim()) ?? []
    if (name === undefined) continue
    const techniqueId = techniqueIdOf(name)
    if (techniqueId !== undefined) {
      techniques.push([tag, techniqueId])
      continue
    }
    const tactic = tacticIdOf(attack, name)
    if (tactic !== undefined) named.add(tactic)
    else if (!/^(?:[gsc]\d{4}|ds\d{4}|m\d{4}|ta\d{4})$/i.test(name)) {
      report.warn('unknown-tactic', `ATT&CK ${attack.release} has no tactic \`${name}\``, tag)
    }
  }
  const order = attack.tactics().map((tactic) => tactic.id)
  const namedInOrder = order.filter((id) => named.has(id))
  const emits = new Map<string, Emit>()
  for (const [tag, id] of techniques) {
    const { problem, ...technique } = resolveTechnique(attack, id)
    if (problem !== undefined) report.warn(problem.code, problem.message, tag)
    const own = technique.tactics.filter((tactic) => named.has(tactic))
    const known = technique.tactics.length === 0 ? namedInOrder : technique.tactics
    const tactics = own.length > 0 ? own : known
    const key = technique.subTechniqueId || technique.techniqueId
    if (!emits.has(key)) emits.set(key, { ...technique, tactics, confidence })
  }
  return [...emits.values()]
}
