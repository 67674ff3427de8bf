import type { CatalogChange } from '../schemas/catalog.ts'
import type { Row } from '../schemas/table.ts'

/**
 * Merges of identities and of campaigns, folded in log order (I3): which of them stand, and whether
 * another may join them. Losers point at winners; the pointers form a forest.
 *
 * Contract: what is refused depends on nothing but the records before it in its log. Going back to an
 * earlier offset forgets what came from there on, so a block may be worked out again.
 */

/** Views follow a chain so far. */
export const chainMax = 32

export interface Refusal {
  readonly code: 'merge-circle' | 'already-merged' | 'merge-chain-too-long'
  readonly reason: string
}

interface Accepted {
  readonly offset: number
  readonly id: string
  /** null: the merge ends. */
  readonly merge: Merge | null
}

interface Merge {
  readonly kind: string
  readonly loser: string
  readonly winner: string
}

export class Merges {
  #log = ''
  readonly #accepted: Accepted[] = []
  readonly #byId = new Map<string, Merge>()
  /** `kind loser` → the merge that it is in, with its id. */
  readonly #byLoser = new Map<string, { readonly id: string; readonly winner: string }>()
  /** `kind winner` → who is merged into it. */
  readonly #losersOf = new Map<string, Set<string>>()

  /** Starts with what tables hold: accepted rows of the kind `merge`, in log order, of any log. */
  constructor(rows: readonly Row<'catalog_events'>[] = []) {
    for (const row of rows) {
      if (row.log !== this.#log) this.#restart(row.log)
      const merge = row.op === 'put' ? mergeOf(parse(row.entity), parse(row.derived)) : null
      this.#accept({ offset: row.offset, id: row.id, merge })
    }
  }

  /** Back to how things stood before `offset` of `log`. */
  rewind(log: string, offset: number): void {
    if (log !== this.#log) this.#restart(log)
    if ((this.#accepted.at(-1)?.offset ?? -1) < offset) return
    const kept = this.#accepted.filter((change) => change.offset < offset)
    this.#restart(log)
    for (const change of kept) this.#accept(change)
  }

  /** Takes the next change of a merge; says why if it cannot stand, and then nothing changes. */
  take(offset: number, change: CatalogChange): Refusal | null {
    const merge = change.op === 'put' ? mergeOf(change.entity, change.derived) : null
    const refusal = merge === null ? null : this.#refusal(change.id, merge)
    if (refusal === null) this.#accept({ offset, id: change.id, merge })
    return refusal
  }

  #refusal(id: string, { kind, loser, winner }: Merge): Refusal | null {
    const standing = this.#byLoser.get(keyOf(kind, loser))
    if (standing !== undefined && standing.id !== id) {
      const reason = `${kind} ${loser} is merged into ${standing.winner} already; end merge ${standing.id} first`
      return { code: 'already-merged', reason }
    }
    const up = this.#pathFrom(kind, winner, id)
    if (up.includes(loser)) {
      const circle = [loser, ...up.slice(0, up.indexOf(loser) + 1)].join(' → ')
      return { code: 'merge-circle', reason: `this would close a circle: ${circle}` }
    }
    const length = this.#heightOf(kind, loser) + up.length
    if (length <= chainMax) return null
    const reason = `a chain of ${length} merges would be longer than ${chainMax}; merge into the end of the chain`
    return { code: 'merge-chain-too-long', reason }
  }

  /** `start`, what it is merged into, and so on without merge `except`: at most chainMax + 1 of them. */
  #pathFrom(kind: string, start: string, except: string): readonly string[] {
    const path = [start]
    for (let last = start; path.length <= chainMax; ) {
      const merge = this.#byLoser.get(keyOf(kind, last))
      if (merge === undefined || merge.id === except) break
      last = merge.winner
      path.push(last)
    }
    return path
  }

  /** The longest chain that ends in `root`, as far as it matters. */
  #heightOf(kind: string, root: string): number {
    let level: readonly string[] = [root]
    for (let height = 0; height <= chainMax; height++) {
      level = level.flatMap((winner) => [...(this.#losersOf.get(keyOf(kind, winner)) ?? [])])
      if (level.length === 0) return height
    }
    return chainMax + 1
  }

  #accept(change: Accepted): void {
    this.#accepted.push(change)
    this.#end(change.id)
    if (change.merge === null) return
    const { kind, loser, winner } = change.merge
    this.#byId.set(change.id, change.merge)
    this.#byLoser.set(keyOf(kind, loser), { id: change.id, winner })
    const losers = this.#losersOf.get(keyOf(kind, winner))
    if (losers === undefined) this.#losersOf.set(keyOf(kind, winner), new Set([loser]))
    else losers.add(loser)
  }

  #end(id: string): void {
    const merge = this.#byId.get(id)
    if (merge === undefined) return
    this.#byId.delete(id)
    this.#byLoser.delete(keyOf(merge.kind, merge.loser))
    this.#losersOf.get(keyOf(merge.kind, merge.winner))?.delete(merge.loser)
  }

  #restart(log: string): void {
    this.#log = log
    this.#accepted.length = 0
    this.#byId.clear()
    this.#byLoser.clear()
    this.#losersOf.clear()
  }
}

function keyOf(kind: string, loser: string): string {
  return `${kind} ${loser}`
}

function mergeOf(
  entity: Readonly<Record<string, unknown>>,
  derived: Readonly<Record<string, unknown>>,
): Merge {
  const text = (field: string) => String(derived[field] ?? entity[field] ?? '')
  return { kind: text('entity_kind'), loser: text('loser_id'), winner: text('winner_id') }
}

function parse(json: string): Readonly<Record<string, unknown>> {
  // Checked: the processor writes JSON objects.
  return JSON.parse(json) as Readonly<Record<string, unknown>>
}
