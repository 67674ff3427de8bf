/** Who may do what: five roles on one ladder; the two leads stand on the same rung. */

export const roles = ['viewer', 'analyst', 'red_lead', 'blue_lead', 'admin'] as const
export type Role = (typeof roles)[number]

/** What a route asks for. `lead` is either lead, or admin. */
export type LeastRole = 'public' | 'viewer' | 'analyst' | 'lead' | 'admin'

export interface Principal {
  readonly name: string
  /** null: known, but without any role here. */
  readonly role: Role | null
}

const rung: Readonly<Record<Role | LeastRole, number>> = {
  public: 0,
  viewer: 1,
  analyst: 2,
  lead: 3,
  red_lead: 3,
  blue_lead: 3,
  admin: 4,
}

export function mayUse(role: Role | null, least: LeastRole): boolean {
  return (role === null ? 0 : rung[role]) >= rung[least]
}

/** The strongest of several roles, null for none. */
export function strongest(held: ReadonlySet<Role>): Role | null {
  return roles.findLast((role) => held.has(role)) ?? null
}
