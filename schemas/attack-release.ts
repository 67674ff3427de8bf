import type { AttackFacts, Domain, DomainFacts } from './attack.ts'
import { domains } from './attack.ts'
import type { AttackBundle } from './attack-bundle.ts'

/** Two releases of ATT&CK beside each other, and the next one made of bundles. */

export interface AttackDiff {
  readonly from: string
  readonly to: string
  /** Only these were looked at: a bundle is one domain. */
  readonly domains: readonly Domain[]
  readonly added: readonly {
    readonly id: string
    readonly name: string
    readonly tactics: readonly string[]
  }[]
  /** In the old release and not in the new one at all. */
  readonly removed: readonly { readonly id: string; readonly name: string }[]
  readonly revoked: readonly {
    readonly id: string
    readonly name: string
    readonly by: string | null
  }[]
  readonly deprecated: readonly { readonly id: string; readonly name: string }[]
  /** Revoked or deprecated before, in use again. */
  readonly restored: readonly { readonly id: string; readonly name: string }[]
  readonly renamed: readonly { readonly id: string; readonly from: string; readonly to: string }[]
  readonly moved: readonly {
    readonly id: string
    readonly name: string
    readonly from: readonly string[]
    readonly to: readonly string[]
  }[]
  readonly tactics: {
    readonly added: readonly { readonly id: string; readonly name: string }[]
    readonly removed: readonly { readonly id: string; readonly name: string }[]
    readonly renamed: readonly { readonly id: string; readonly from: string; readonly to: string }[]
  }
}

/** The facts with each bundle's domain in place of the old; a domain without a bundle stays as it is. */
export function nextFacts(
  old: AttackFacts,
  bundles: readonly AttackBundle[],
  release: string,
): AttackFacts {
  const given = new Map(bundles.map((bundle) => [bundle.domain, bundle]))
  const facts = (domain: Domain) => given.get(domain)?.facts ?? old.domains[domain]
  const kept = new Set(
    domains
      .filter((domain) => !given.has(domain))
      .flatMap((domain) => old.domains[domain].techniques.map(({ id }) => id)),
  )
  const groups = new Map<string, AttackFacts['groups'][number]>()
  const remaining = old.groups.map((group) => ({
    ...group,
    techniques: group.techniques.filter((id) => kept.has(id)),
  }))
  const sources = [
    ...bundles.flatMap((bundle) => bundle.groups),
    ...remaining.filter((group) => group.techniques.length > 0),
  ]
  for (const group of sources) {
    const before = groups.get(group.id)
    const techniques = [...new Set([...(before?.techniques ?? []), ...group.techniques])].toSorted()
    groups.set(group.id, { ...(before ?? group), techniques })
  }
  return {
    release,
    domains: {
      'enterprise-attack': facts('enterprise-attack'),
      'ics-attack': facts('ics-attack'),
    },
    groups: [...groups.values()].toSorted((a, b) => (a.id < b.id ? -1 : 1)),
  }
}

export function diffAttack(old: AttackFacts, next: AttackFacts, of: readonly Domain[]): AttackDiff {
  const techniques = (facts: AttackFacts) =>
    of.flatMap((domain) => facts.domains[domain].techniques)
  const tactics = (facts: AttackFacts) => of.flatMap((domain) => facts.domains[domain].tactics)
  const pairs = paired(techniques(old), techniques(next))
  const both = pairs.filter((pair) => pair.before !== undefined && pair.after !== undefined)
  const stayed = both.flatMap(({ before, after }) =>
    before !== undefined && after !== undefined ? [{ before, after }] : [],
  )
  const inUse = stayed.filter(({ before, after }) => isActive(before) && isActive(after))
  const tacticPairs = paired(tactics(old), tactics(next))
  return {
    from: old.release,
    to: next.release,
    domains: of,
    added: pairs.flatMap(({ before, after }) =>
      before === undefined && after !== undefined && isActive(after)
        ? [{ id: after.id, name: after.name, tactics: after.tactics }]
        : [],
    ),
    removed: pairs.flatMap(({ before, after }) =>
      after === undefined && before ? [short(before)] : [],
    ),
    revoked: stayed
      .filter(({ before, after }) => before.revoked !== true && after.revoked === true)
      .map(({ after }) => ({ ...short(after), by: after.revoked_by ?? null })),
    deprecated: stayed
      .filter(
        ({ before, after }) =>
          isActive(before) && after.revoked !== true && after.deprecated === true,
      )
      .map(({ after }) => short(after)),
    restored: stayed
      .filter(({ before, after }) => !isActive(before) && isActive(after))
      .map(({ after }) => short(after)),
    renamed: inUse
      .filter(({ before, after }) => before.name !== after.name)
      .map(({ before, after }) => ({ id: after.id, from: before.name, to: after.name })),
    moved: inUse
      .filter(({ before, after }) => !isSameSet(before.tactics, after.tactics))
      .map(({ before, after }) => ({ ...short(after), from: before.tactics, to: after.tactics })),
    tactics: {
      added: tacticPairs.flatMap(({ before, after }) =>
        before === undefined && after ? [short(after)] : [],
      ),
      removed: tacticPairs.flatMap(({ before, after }) =>
        after === undefined && before ? [short(before)] : [],
      ),
      renamed: tacticPairs.flatMap(({ before, after }) =>
        before && after && before.name !== after.name
          ? [{ id: after.id, from: before.name, to: after.name }]
          : [],
      ),
    },
  }
}

/** Ids of which a rule, mapping or test says something that no longer holds; a new name harms nobody. */
export function staleIds(diff: AttackDiff): ReadonlySet<string> {
  const lists = [diff.removed, diff.revoked, diff.deprecated, diff.moved, diff.tactics.removed]
  return new Set(lists.flatMap((list) => list.map(({ id }) => id)))
}

type TechniqueFacts = DomainFacts['techniques'][number]

function isActive({ revoked, deprecated }: TechniqueFacts): boolean {
  return revoked !== true && deprecated !== true
}

function short({ id, name }: { id: string; name: string }): { id: string; name: string } {
  return { id, name }
}

function isSameSet(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((item) => b.includes(item))
}

/** Old and new by id, in order. */
function paired<T extends { readonly id: string }>(old: readonly T[], next: readonly T[]) {
  const before = new Map(old.map((item) => [item.id, item]))
  const after = new Map(next.map((item) => [item.id, item]))
  const ids = [...new Set([...before.keys(), ...after.keys()])].toSorted()
  return ids.map((id) => ({ before: before.get(id), after: after.get(id) }))
}
