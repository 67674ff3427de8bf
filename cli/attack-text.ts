import type { AttackFacts } from '../schemas/attack.ts'
import type { AttackDiff } from '../schemas/attack-release.ts'
import type { AttackUse, StoredUse } from './attack-uses.ts'

/** What `attack diff` prints, and a release as its file has it. */

type Use = AttackUse | StoredUse

export function formatAttackDiff(diff: AttackDiff, uses: readonly Use[]): string {
  const places = new Map<string, Use[]>()
  for (const use of uses) places.set(use.id, [...(places.get(use.id) ?? []), use])
  const section = <T extends { readonly id: string }>(
    title: string,
    list: readonly T[],
    lineOf: (item: T) => string,
  ) => {
    if (list.length === 0) return []
    return [
      '',
      `${title} (${list.length})`,
      ...list.flatMap((item) => [
        `  ${item.id} ${lineOf(item)}`,
        ...(places.get(item.id) ?? []).map((use) => `      ${placeOf(use)}`),
      ]),
    ]
  }
  const nameOf = ({ name }: { name: string }) => name
  const renameOf = ({ from, to }: { from: string; to: string }) => `${from} → ${to}`
  const lines = [
    `ATT&CK ${diff.from} → ${diff.to}, ${diff.domains.join(', ')}`,
    ...section('Tactics added', diff.tactics.added, nameOf),
    ...section('Tactics removed', diff.tactics.removed, nameOf),
    ...section('Tactics renamed', diff.tactics.renamed, renameOf),
    ...section(
      'Techniques added',
      diff.added,
      ({ name, tactics }) => `${name} (${tactics.join(', ')})`,
    ),
    ...section('Revoked', diff.revoked, ({ name, by }) => `${name} → ${by ?? 'nothing'}`),
    ...section('Deprecated', diff.deprecated, nameOf),
    ...section('Removed', diff.removed, nameOf),
    ...section('Restored', diff.restored, nameOf),
    ...section(
      'Moved to other tactics',
      diff.moved,
      ({ name, from, to }) => `${name}: ${from.join(', ')} → ${to.join(', ')}`,
    ),
    ...section('Renamed', diff.renamed, renameOf),
  ]
  const summary =
    uses.length === 0
      ? 'Nothing of ours names what was revoked, deprecated, removed or moved.'
      : `${uses.length} places name what was revoked, deprecated, removed or moved.`
  return `${[...lines, '', summary].join('\n')}\n`
}

function placeOf(use: Use): string {
  return 'file' in use ? `${use.file}:${use.line}` : `${use.kind} ${use.of}`
}

const widthMax = 100

/** JSON with a line for what fits one, so that a diff of two releases can be read. */
export function formatFacts(facts: AttackFacts): string {
  return `${format(facts, 0, 0)}\n`
}

/** `taken`: characters of the line before and after the value. */
function format(value: unknown, depth: number, taken: number): string {
  const line = inline(value)
  if (typeof value !== 'object' || value === null) return line
  if (depth * 2 + taken + line.length <= widthMax) return line
  const isList = Array.isArray(value)
  const indent = '  '.repeat(depth + 1)
  const rows = Object.entries(value).map(([name, item]) => {
    const key = isList ? '' : `${JSON.stringify(name)}: `
    return `${indent}${key}${format(item, depth + 1, key.length + 1)}`
  })
  const [open, close] = isList ? ['[', ']'] : ['{', '}']
  return `${open}\n${rows.join(',\n')}\n${'  '.repeat(depth)}${close}`
}

function inline(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(inline).join(', ')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const members = Object.entries(value).map(
    ([key, item]) => `${JSON.stringify(key)}: ${inline(item)}`,
  )
  return members.length === 0 ? '{}' : `{ ${members.join(', ')} }`
}
