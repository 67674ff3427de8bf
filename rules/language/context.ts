import { type Attack, loadAttack } from '../../schemas/attack.ts'
import type { Fields } from '../../schemas/event.ts'
import { normalizeFields } from '../../schemas/normalize/normalize.ts'
import type { CompileOptions } from '../matcher/revision.ts'
import type { Placeholders } from './placeholder.ts'

/** What a rule is compiled against. */
export interface RuleContext {
  readonly attack: Attack
  readonly placeholders: Placeholders
  /** Adds what normalisation derives from an event's fields, so that a rule's own tests see it. */
  readonly prepare: (kind: string, fields: Fields) => Fields
  /** Source kinds besides the built-in ones and Sigma's categories. */
  readonly extraKinds?: readonly string[]
  /** How the compiled rules are run. */
  readonly matching?: Pick<CompileOptions, 'fieldBytesMax' | 'timer' | 'onError'>
}

/** The pinned ATT&CK release and the normalisation that events go through. */
export function ruleContext(placeholders: Placeholders = new Map()): RuleContext {
  return { attack: loadAttack(), placeholders, prepare: normalizeFields }
}
