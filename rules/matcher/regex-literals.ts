import { parseRegex, type RegexNode } from '../regex-syntax.ts'

/**
 * What every text that a pattern matches must contain, so that the pattern itself is seldom run.
 *
 * The answer is a list of choices: of each choice, at least one literal occurs in the lower case of
 * the text. It is built bottom-up: a piece of the pattern is `exact` while it stands for a few plain
 * strings (then neighbours can be joined to longer ones), and otherwise only has `needs`.
 *
 * Soundness: literals are ASCII, which lower-cases unit by unit whatever stands around it. Under
 * `i`, `s` also matches U+017F, whose lower case is itself, so there an `s` is any character. Of a
 * pattern outside the syntax that is read here, nothing is known: [].
 */
export function requiredLiterals(pattern: string, flags: string): string[][] {
  const tree = parseRegex(pattern, flags)
  if (tree === undefined) return []
  const choices = needsOf(pieceOf(tree, flags.includes('i')))
  return [...new Map(choices.map((choice) => [choice.join('\0'), choice])).values()]
}

interface Piece {
  /** All strings it can match, in lower case; null if too many or unknown. */
  readonly exact: readonly string[] | null
  readonly needs: readonly string[][]
}

/** More strings than this are no longer multiplied out. */
const exactMax = 16
const choiceMax = 64
const literalCharsMax = 48
const copiesMax = 4

const anything: Piece = { exact: null, needs: [] }
const nothing: Piece = { exact: [''], needs: [] }

function pieceOf(node: RegexNode, ignoresCase: boolean): Piece {
  switch (node.kind) {
    case 'literal':
      return characterPiece(node.character, ignoresCase)
    case 'set':
      return setPiece(node.source, ignoresCase)
    case 'assertion':
      // Zero-width: what stands on either side of it is still adjacent.
      return nothing
    case 'sequence':
      return joined(node.nodes.map((child) => pieceOf(child, ignoresCase)))
    case 'choice':
      return eitherOf(node.nodes.map((child) => pieceOf(child, ignoresCase)))
    case 'repeat':
      return repeated(pieceOf(node.node, ignoresCase), node.min, node.max)
  }
}

function characterPiece(character: string, ignoresCase: boolean): Piece {
  const lower = character.toLowerCase()
  if (ignoresCase && lower === 's') return anything
  return { exact: [lower], needs: [] }
}

/** A set that lists a few characters is exact: `[Cc]`, `["']`. Ranges and negations are not. */
function setPiece(source: string, ignoresCase: boolean): Piece {
  if (!/^\[(?:\\x[0-9a-f]{2}|\w)+\]$/.test(source)) return anything
  const members = [...source.slice(1, -1).matchAll(/\\x(..)|(\w)/g)].map(([, code, character]) =>
    code === undefined ? (character ?? '') : String.fromCharCode(Number.parseInt(code, 16)),
  )
  return eitherOf(members.map((member) => characterPiece(member, ignoresCase)))
}

/** A piece's strings as a choice, if they say anything. */
function needsOf({ exact, needs }: Piece): readonly string[][] {
  if (exact === null || exact.includes('')) return needs
  return [...needs, [...new Set(exact)]]
}

/** One after the other: exact strings are joined as long as they stay few and short. */
function joined(pieces: readonly Piece[]): Piece {
  const needs: string[][] = []
  let run: readonly string[] = ['']
  let isExact = true
  for (const piece of pieces) {
    const product = piece.exact === null ? null : times(run, piece.exact)
    if (product !== null) {
      run = product
      continue
    }
    isExact = false
    needs.push(...needsOf({ exact: run, needs: [] }), ...piece.needs)
    run = piece.exact ?? ['']
  }
  if (isExact) return { exact: run, needs }
  return { exact: null, needs: [...needs, ...needsOf({ exact: run, needs: [] })] }
}

function times(left: readonly string[], right: readonly string[]): string[] | null {
  if (left.length * right.length > exactMax) return null
  const product = new Set(left.flatMap((head) => right.map((tail) => head + tail)))
  return [...product].every((text) => text.length <= literalCharsMax) ? [...product] : null
}

/** One of them: all exact strings together, or one choice made of each branch's best. */
function eitherOf(branches: readonly Piece[]): Piece {
  const exact = new Set(branches.flatMap((branch) => branch.exact ?? []))
  if (branches.every((branch) => branch.exact !== null) && exact.size <= exactMax) {
    return { exact: [...exact], needs: [] }
  }
  const choice: string[] = []
  for (const branch of branches) {
    const best = bestChoice(needsOf(branch))
    if (best === undefined) return anything
    choice.push(...best)
  }
  return choice.length > choiceMax ? anything : { exact: null, needs: [choice] }
}

/** The one whose shortest literal is longest. */
function bestChoice(choices: readonly string[][]): string[] | undefined {
  let best: string[] | undefined
  for (const choice of choices) {
    if (best === undefined || shortest(choice) > shortest(best)) best = choice
  }
  return best
}

function shortest(choice: readonly string[]): number {
  return Math.min(...choice.map((literal) => literal.length))
}

/** Up to a few copies are written out; beyond the first `min` nothing is sure. */
function repeated(piece: Piece, min: number, max: number): Piece {
  if (min === 0 && max === 1 && piece.exact !== null) return eitherOf([piece, nothing])
  const head = joined(Array.from({ length: Math.min(min, copiesMax) }, () => piece))
  return min === max && min <= copiesMax ? head : { exact: null, needs: needsOf(head) }
}
