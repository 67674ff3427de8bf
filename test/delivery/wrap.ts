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
    close: () => source.close(),
    abandon: () => source.abandon(),
    ...changes(source),
  })
}

/** A source whose leases never end, as if nobody asked the coordinator. */
export const withoutLeases = changedSource((source) => ({
  run: (handler) =>
    source.run({
      assigned: (at, lease) => handler.assigned(at, endless(lease)),
      settled: () => handler.settled?.(),
      batch: (batch, lease) => handler.batch(batch, endless(lease)),
    }),
}))

function endless(lease: Lease): Lease {
  return {
    isHeld: () => true,
    confirm: async () => {},
    commit: (offset, metadata) => lease.commit(offset, metadata),
  }
}
