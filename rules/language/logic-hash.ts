import { canonicalJson, sha256Hex } from '../../core/hash.ts'
import type { LogSource } from '../../schemas/event.ts'
import type { Node } from '../node.ts'
import type { Emit } from '../rule.ts'
import { canonicalNode } from './tree.ts'

/** What a rule does: what it meets, when it matches, what it says and keeps. */
export interface Logic {
  readonly kinds: readonly string[] | null
  readonly logsource: LogSource
  readonly condition: Node
  readonly selections: ReadonlyMap<string, Node>
  readonly emits: readonly Emit[]
  readonly evidenceFields: readonly string[] | null
}

/**
 * SHA-256 of the canonical compiled form. Comments, titles, tests, the names of selections and the
 * order of anything do not change it; neither does whether the ATT&CK release knows a technique.
 */
export function logicHash(logic: Logic): string {
  const emits = logic.emits.map(({ inRelease: _, when, ...emit }) => {
    const node = when === undefined ? undefined : logic.selections.get(when)
    return canonicalJson({ ...emit, when: node === undefined ? undefined : canonicalNode(node) })
  })
  return sha256Hex(
    canonicalJson({
      kinds: logic.kinds?.toSorted() ?? null,
      logsource: logic.logsource,
      condition: canonicalNode(logic.condition),
      emits: emits.sort(),
      evidence: logic.evidenceFields?.toSorted() ?? null,
    }),
  )
}

/** G2: `declared` and the logic, so that an edit gives new tags by itself and an untouched rule never does. */
export function versionText(declared: string, logic: string): string {
  return `${declared}~${logic.slice(0, 8)}`
}

/** What `versionText` was given. */
export function declaredVersion(version: string): string {
  return version.slice(0, version.lastIndexOf('~'))
}
