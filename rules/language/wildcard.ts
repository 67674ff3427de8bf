import { anyCharacter, type Leaf } from '../node.ts'

/**
 * Sigma's wildcards, by its specification: `*` is any text, `?` one character, and a backslash makes
 * the next `*`, `?` or backslash plain. Any other backslash is itself.
 *
 * A text is held as its segments, cut at every `*`: `a*b` is ['a', 'b'], `*a` is ['', 'a'].
 */
export type Segments = readonly string[]

export function parseWildcards(text: string): Segments {
  const segments: string[] = []
  let segment = ''
  for (let at = 0; at < text.length; at++) {
    const character = text.charAt(at)
    const next = text.charAt(at + 1)
    if (character === '\\' && (next === '*' || next === '?' || next === '\\')) {
      segment += next
      at += 1
    } else if (character === '*') {
      segments.push(segment)
      segment = ''
    } else {
      segment += character === '?' ? anyCharacter : character
    }
  }
  segments.push(segment)
  return joined(segments)
}

export function hasWildcard(segments: Segments): boolean {
  return segments.length > 1 || segments.some((segment) => segment.includes(anyCharacter))
}

/** `how` as Sigma's modifiers do it: a wildcard at the end or ends, unless one is there. */
export function widened(segments: Segments, how: 'startswith' | 'endswith' | 'contains'): Segments {
  const isOpenAtStart = segments.length > 1 && segments[0] === ''
  const isOpenAtEnd = segments.length > 1 && segments.at(-1) === ''
  return joined([
    ...(how !== 'startswith' && !isOpenAtStart ? [''] : []),
    ...segments,
    ...(how !== 'endswith' && !isOpenAtEnd ? [''] : []),
  ])
}

/** The simplest leaf that matches `segments`; a keyword where `field` is ''. */
export function textLeaf(field: string, segments: Segments, isCased: boolean): Leaf {
  const folded = isCased ? segments : segments.map((segment) => segment.toLowerCase())
  if (field === '') {
    return { op: 'keyword', glob: { segments: widened(folded, 'contains'), isCased } }
  }
  const glob: Leaf = { op: 'glob', field, glob: { segments: folded, isCased } }
  if (folded.some((segment) => segment.includes(anyCharacter))) return glob
  const [first = '', second, third] = folded
  if (folded.length === 1) return { op: 'equals', field, value: first, isCased }
  if (folded.length === 2 && second === '' && first !== '') {
    return { op: 'startswith', field, value: first, isCased }
  }
  if (folded.length === 2 && first === '' && second !== undefined && second !== '') {
    return { op: 'endswith', field, value: second, isCased }
  }
  if (folded.length === 3 && first === '' && third === '' && second !== undefined) {
    return { op: 'contains', field, value: second, isCased }
  }
  return glob
}

/** `**` is `*`: no empty segments but at the ends. */
function joined(segments: Segments): Segments {
  return segments.filter(
    (segment, index) => segment !== '' || index === 0 || index === segments.length - 1,
  )
}
