import type { Lease, RecordSource } from '../../core/kafka.ts'
import type { Store } from '../../processors/engine/store.ts'

/** Switches that only a test has: a store or a source with some of its answers changed. */

export function changedStore(changes: (store: Store) => Partial<Store>): (store: Store) => Store {
  return (store) => ({
    id: () => store.id(),
    insert: (name, rows, token) => store.insert(name, rows, token),
    rowsOf: (name, range) => store.rowsOf(name, range),
    merges: (at) => store.merges(at),
    newestProgress: (at) => store.newestProgress(at),
    progressEnding: (at, log, last) => store.progressEnding(at, log, last),
    ...changes(store),
  })
}

export function changedSource(
  changes: (source: RecordSource) => Partial<RecordSource>,
): (source: RecordSource) => RecordSource {
  return (source) => ({
    run: (handler) => source.run(handler),
    committed: (at) => source.committed(at),
    watermarks: (at) => source.watermarks(at),
    ends: (topic) => source.ends(topic),
    close: () => source.close(),
    abandon: () => source.abandon(),
    ...changes(source),
  })
}

export function changedLeases(
  changes: (lease: Lease) => Partial<Lease>,
): (source: RecordSource) => RecordSource {
  const changed = (lease: Lease): Lease => ({
    isHeld: () => lease.isHeld(),
    confirm: () => lease.confirm(),
    commit: (offset, metadata) => lease.commit(offset, metadata),
    ...changes(lease),
  })
  return changedSource((source) => ({
    run: (handler) =>
      source.run({
        assigned: (at, lease) => handler.assigned(at, changed(lease)),
        settled: () => handler.settled?.(),
        batch: (batch, lease) => handler.batch(batch, changed(lease)),
      }),
  }))
}

/** A source whose leases never end, as if nobody asked the coordinator. */
export const withoutLeases = changedLeases(() => ({ isHeld: () => true, confirm: async () => {} }))
