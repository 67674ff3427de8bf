import { canonicalAddress } from './address.ts'

/**
 * Names of hosts and users, made comparable. A test says `WORKSTATION5`, the SIEM says
 * `workstation5.example.local`: as sets of names they meet.
 */

/** Lower case, without white space around it or a trailing dot. */
export function canonicalHost(text: string): string {
  const host = text.trim().toLowerCase()
  return host.endsWith('.') ? host.slice(0, -1) : host
}

/** `WS5.example.local` → `ws5`; an address stays whole. */
export function shortHost(text: string): string {
  const host = canonicalHost(text)
  const dot = host.indexOf('.')
  return dot <= 0 || canonicalAddress(host) !== '' ? host : host.slice(0, dot)
}

/** Every host under its full and its short name, each name once, in order. */
export function hostNames(hosts: readonly string[]): string[] {
  return unique(hosts.flatMap((host) => [canonicalHost(host), shortHost(host)]))
}

/** Lower case; `EXAMPLE\op` and `op@example.local` also as `op`. */
export function userNames(users: readonly string[]): string[] {
  return unique(
    users.flatMap((text) => {
      const user = text.trim().toLowerCase()
      const bare = user.slice(user.lastIndexOf('\\') + 1)
      const at = bare.indexOf('@')
      return [user, at <= 0 ? bare : bare.slice(0, at)]
    }),
  )
}

/** Each address in its canonical form; what is not an address stays as it is. */
export function addressNames(addresses: readonly string[]): string[] {
  return unique(addresses.map((text) => canonicalAddress(text) || text.trim()))
}

function unique(names: readonly string[]): string[] {
  return [...new Set(names)].filter((name) => name !== '')
}
