import { changes } from './cases/changes.ts'
import { compression } from './cases/compression.ts'
import { group } from './cases/group.ts'
import { inserts } from './cases/inserts.ts'
import { lateInserts } from './cases/late-inserts.ts'
import { recovery } from './cases/recovery.ts'
import { retention } from './cases/retention.ts'
import { undecodable } from './cases/undecodable.ts'
import { witnesses } from './cases/witnesses.ts'
import type { DeliveryCase } from './delivery-case.ts'

/** Every case by name, in the order in which they run. */
export const cases: readonly DeliveryCase[] = [
  ...compression,
  ...undecodable,
  ...witnesses,
  ...recovery,
  ...inserts,
  ...group,
  ...retention,
  ...lateInserts,
  ...changes,
]
