import { longest } from './longest.ts'
import { anyCharacter, type Glob } from './node.ts'

/**
 * A wildcard pattern against a text, greedily from the left: each segment is taken at its first
 * place, the last one at the end. That is complete, because an earlier place never leaves less room
 * for what follows; and it costs at most text × pattern, whatever the text. `*` crosses newlines.
 */
export function globMatches(glob: Glob, text: string): boolean {
  const value = glob.isCased ? text : text.toLowerCase()
  const { segments } = glob
  const first = segments[0] ?? ''
  const last = segments.at(-1) ?? ''
  if (!matchesAt(value, first, 0)) return false
  if (segments.length === 1) return value.length === first.length
  let from = first.length
  for (let index = 1; index < segments.length - 1; index++) {
    const segment = segments[index] ?? ''
    const at = indexOfSegment(value, segment, from)
    if (at === -1) return false
    from = at + segment.length
  }
  const lastAt = value.length - last.length
  return lastAt >= from && matchesAt(value, last, lastAt)
}

function indexOfSegment(value: string, segment: string, from: number): number {
  if (!segment.includes(anyCharacter)) return value.indexOf(segment, from)
  const run = longest(segment.split(anyCharacter))
  if (run === '') return from + segment.length <= value.length ? from : -1
  const offset = segment.indexOf(run)
  let at = value.indexOf(run, from + offset)
  while (at !== -1 && !matchesAt(value, segment, at - offset)) at = value.indexOf(run, at + 1)
  return at === -1 ? -1 : at - offset
}

function matchesAt(value: string, segment: string, at: number): boolean {
  if (!segment.includes(anyCharacter)) return value.startsWith(segment, at)
  if (at + segment.length > value.length) return false
  for (let index = 0; index < segment.length; index++) {
    const wanted = segment[index]
    if (wanted !== anyCharacter && wanted !== value[at + index]) return false
  }
  return true
}
