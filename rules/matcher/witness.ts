import { longest } from '../longest.ts'
import { anyCharacter, type Glob, type Leaf, type Node, type TextOp } from '../node.ts'
import { asciiRuns, isAscii } from './ascii.ts'
import type { Atom } from './atom.ts'
import { keywordLiteral } from './keyword-literal.ts'
import type { Rarity } from './rarity.ts'
import { requiredLiterals } from './regex-literals.ts'

/**
 * A witness is a necessary disjunction: the rule can only match an event of which at least one of
 * these atoms is true. The index looks for witnesses; only rules whose witness was seen are
 * evaluated. Of all witnesses that a tree has, the rarest is taken.
 *
 * Soundness, by cases: if at least k of n nodes are to hold, then of any n − k + 1 of them one does,
 * so the n − k + 1 rarest will do. AND is n of n, OR is 1 of n, and NOT turns "k of n hold" into
 * "n − k + 1 of n do not". A leaf that must hold has the atoms below; of a leaf that must *not* hold
 * nothing is seen in the event, except that what is not null is there.
 */
export interface Witness {
  /** None: nothing can match. */
  readonly atoms: readonly Atom[]
  /** The expected share of events of which some atom is true. */
  readonly rate: number
}

/** Null: the tree may match an event that shows nothing, so it must always be evaluated. */
export function witnessOf(node: Node, rarity: Rarity): Witness | null {
  return necessary(node, true, rarity)
}

/** What an event shows if `node` is `holds` of it. */
function necessary(node: Node, holds: boolean, rarity: Rarity): Witness | null {
  switch (node.op) {
    case 'and':
      return amongAll(node.nodes.length, node.nodes, holds, rarity)
    case 'or':
      return amongAll(1, node.nodes, holds, rarity)
    case 'atleast':
      return amongAll(node.count, node.nodes, holds, rarity)
    case 'not':
      return necessary(node.node, !holds, rarity)
    case 'constant':
      return node.value === holds ? null : never
    default:
      return holds ? ofLeaf(node, rarity) : ofFailedLeaf(node, rarity)
  }
}

const never: Witness = { atoms: [], rate: 0 }

/** "At least `count` of `nodes` hold", or that this is not so. */
function amongAll(
  count: number,
  nodes: readonly Node[],
  holds: boolean,
  rarity: Rarity,
): Witness | null {
  const needed = holds ? count : nodes.length - count + 1
  if (needed <= 0) return null
  if (needed > nodes.length) return never
  const ranked = nodes
    .map((node) => necessary(node, holds, rarity))
    .filter((witness) => witness !== null)
    .sort(byRate)
  const chosen = ranked.slice(0, nodes.length - needed + 1)
  if (chosen.length < nodes.length - needed + 1) return null
  if (chosen.length === 1) return chosen[0] ?? null
  return {
    atoms: chosen.flatMap((witness) => witness.atoms),
    rate: Math.min(
      1,
      chosen.reduce((sum, witness) => sum + witness.rate, 0),
    ),
  }
}

function byRate(left: Witness, right: Witness): number {
  return left.rate - right.rate || left.atoms.length - right.atoms.length
}

function ofFailedLeaf(leaf: Leaf, rarity: Rarity): Witness | null {
  return leaf.op === 'null' ? single({ op: 'present', field: leaf.field }, rarity) : null
}

function ofLeaf(leaf: Leaf, rarity: Rarity): Witness | null {
  switch (leaf.op) {
    case 'equals':
    case 'startswith':
    case 'endswith':
    case 'contains':
      return single(textAtom(leaf.op, leaf.field, leaf.value), rarity)
    case 'glob':
      return rarest(globAtoms(leaf.field, leaf.glob).map((atom) => single(atom, rarity)))
    case 'regex':
      return ofRegex(leaf.field, leaf.pattern, leaf.flags, rarity)
    case 'number':
      return single({ op: 'number', field: leaf.field, value: leaf.value }, rarity)
    case 'boolean':
      return single({ op: 'equals', field: leaf.field, literal: String(leaf.value) }, rarity)
    case 'fieldref': {
      const fields = [leaf.field, leaf.other]
      return rarest(fields.map((field) => single({ op: 'present', field }, rarity)))
    }
    case 'keyword': {
      const literal = keywordLiteral(leaf.glob.segments)
      return literal === null ? null : single({ op: 'keyword', literal }, rarity)
    }
    case 'null':
      return null
    case 'lt':
    case 'lte':
    case 'gt':
    case 'gte':
    case 'cidr':
    case 'timepart':
    case 'present':
      return single({ op: 'present', field: leaf.field }, rarity)
  }
}

function single(atom: Atom, rarity: Rarity): Witness {
  return { atoms: [atom], rate: rarity(atom) }
}

function rarest(witnesses: readonly Witness[]): Witness | null {
  return witnesses.reduce<Witness | null>(
    (best, witness) => (best === null || byRate(witness, best) < 0 ? witness : best),
    null,
  )
}

/**
 * Uncased literals are lower-case already. A cased one occurs in lower case wherever it occurs, if
 * it is ASCII; beyond that lower-casing may depend on the neighbours (Greek final sigma), so only
 * an ASCII run of it is sure.
 */
function textAtom(op: TextOp, field: string, value: string): Atom {
  if (value === '' && op !== 'equals') return { op: 'present', field }
  const literal = value.toLowerCase()
  if (literal === value || isAscii(value)) return { op, field, literal }
  const run = longest(asciiRuns(value))
  return run === ''
    ? { op: 'present', field }
    : { op: 'contains', field, literal: run.toLowerCase() }
}

/** Every piece of a wildcard pattern between `*` and `?` occurs; the outer ones at the ends. */
function globAtoms(field: string, glob: Glob): Atom[] {
  const { segments } = glob
  const [first] = segments
  if (segments.length === 1 && first !== undefined && !first.includes(anyCharacter)) {
    return [textAtom('equals', field, first)]
  }
  const pieces = segments.flatMap((segment) => segment.split(anyCharacter))
  const atoms = pieces.map((piece) => textAtom('contains', field, piece))
  const head = pieces[0] ?? ''
  const tail = pieces.at(-1) ?? ''
  return [...atoms, textAtom('startswith', field, head), textAtom('endswith', field, tail)]
}

function ofRegex(field: string, pattern: string, flags: string, rarity: Rarity): Witness | null {
  const choices = requiredLiterals(pattern, flags)
  if (field === '') return rarest(keywordChoices(choices, rarity))
  const contained = choices.map((choice) =>
    together(
      choice.map((literal) => ({ op: 'contains', field, literal }) as const),
      rarity,
    ),
  )
  return rarest([...contained, single({ op: 'present', field }, rarity)])
}

/** A regex over every value: its literals as keywords, where each of a choice can be one. */
function keywordChoices(choices: readonly string[][], rarity: Rarity): Witness[] {
  return choices.flatMap((choice) => {
    const literals = choice.map((literal) => keywordLiteral([literal]))
    const found = literals.filter((literal) => literal !== null)
    if (found.length < literals.length) return []
    return [
      together(
        found.map((literal) => ({ op: 'keyword', literal }) as const),
        rarity,
      ),
    ]
  })
}

function together(atoms: readonly Atom[], rarity: Rarity): Witness {
  return {
    atoms,
    rate: Math.min(
      1,
      atoms.reduce((sum, atom) => sum + rarity(atom), 0),
    ),
  }
}
