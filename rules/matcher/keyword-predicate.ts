import { globMatches } from '../glob.ts'
import { scalarTest } from '../leaf.ts'
import { anyCharacter, type Glob, type ScalarLeaf } from '../node.ts'
import { separator } from './keyword-texts.ts'
import type { Predicate } from './predicate.ts'

/** A keyword, or a regex without a field: some value of the event passes. */
export function keywordPredicate(leaf: ScalarLeaf): Predicate {
  if (leaf.op === 'keyword') {
    const { glob } = leaf
    const literal = plainLiteral(glob)
    if (literal !== null) return (values) => values.keywords().joined.includes(literal)
    return (values) => values.keywords().texts.some((text) => globMatches(glob, text))
  }
  const test = scalarTest(leaf)
  return (values) => values.keywords().texts.some(test)
}

/** Of `*literal*` without regard to case. */
function plainLiteral(glob: Glob): string | null {
  const [head, literal, tail] = glob.segments
  if (glob.isCased || glob.segments.length !== 3 || head !== '' || tail !== '') return null
  if (literal === undefined || literal === '') return null
  return literal.includes(anyCharacter) || literal.includes(separator) ? null : literal
}
