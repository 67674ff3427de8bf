import type { EachBatchPayload } from 'kafkajs'
import { expect, test } from 'vitest'
import { LeaseLost } from '../../core/kafka.ts'
import { BatchLease } from './batch-lease.ts'

/** A lease whose heartbeats, when answered, turn out to have been asked for so long ago. */
function leaseOf(agesMs: readonly number[]) {
  let asked = 0
  const lease = new BatchLease(
    // Checked: all that `confirm` uses of it.
    {
      heartbeat: async () => {
        asked += 1
      },
    } as unknown as EachBatchPayload,
    { isCurrent: () => true, heartbeatAgeMs: () => agesMs[asked] ?? 0, freshMs: 300 },
  )
  return { lease, asked: () => asked }
}

test('a fresh heartbeat is enough; a stale one is asked for anew', async () => {
  const fresh = leaseOf([100])
  await fresh.lease.confirm()
  expect(fresh.asked()).toBe(0)
  const stale = leaseOf([5_000, 10])
  await stale.lease.confirm()
  expect(stale.asked()).toBe(1)
})

test('the answer to a heartbeat from before a freeze does not renew the lease', async () => {
  const thawed = leaseOf([5_000, 5_000, 10])
  await thawed.lease.confirm()
  expect(thawed.asked()).toBe(2)
  const { lease } = leaseOf([5_000, 5_000, 5_000])
  await expect(lease.confirm()).rejects.toThrow(LeaseLost)
  expect(lease.isHeld()).toBe(false)
})
