import type { Protocol } from './member.ts'

/** The names that every member offers. */
export function supportedByAll(offers: readonly (readonly Protocol[])[]): Set<string> {
  const [first = [], ...others] = offers
  const names = first.map(({ name }) => name)
  return new Set(
    names.filter((name) => others.every((offer) => offer.some((other) => other.name === name))),
  )
}

/** Each member votes for the first it offers that all support; most votes win. */
export function selectProtocol(offers: readonly (readonly Protocol[])[]): string {
  const candidates = supportedByAll(offers)
  const votes = new Map<string, number>()
  for (const offer of offers) {
    const choice = offer.find(({ name }) => candidates.has(name))?.name
    if (choice !== undefined) votes.set(choice, (votes.get(choice) ?? 0) + 1)
  }
  const ranked = [...votes].sort(([, a], [, b]) => b - a)
  return ranked[0]?.[0] ?? ''
}
