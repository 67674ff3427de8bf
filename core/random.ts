import { randomUUID } from 'node:crypto'

/** The only source of randomness. Tests pass their own. */
export interface Random {
  uuid(): string
}

export const systemRandom: Random = { uuid: () => randomUUID() }
