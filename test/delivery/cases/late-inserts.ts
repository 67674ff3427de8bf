/** Inserts that ClickHouse does after the engine that sent them is dead and its successor has looked. */

import assert from 'node:assert/strict'
import type { BlockRange } from '../../../processors/engine/block.ts'
import type { Store } from '../../../processors/engine/store.ts'
import type { Row, TableName } from '../../../schemas/table.ts'
import type { DeliveryCase } from '../delivery-case.ts'
import { StoppedHere } from '../engine.ts'
import type { Scene } from '../scene.ts'
import { changedStore } from '../wrap.ts'

export const lateInserts: readonly DeliveryCase[] = [
  {
    name: 'tags that arrive late, rules edited: what is stored is published',
    run: (scene) => arriveLate(scene, true),
  },
  {
    name: 'control: tags that arrive late, rules edited, what was sent is published',
    mustFail: /published tags/,
    run: (scene) => arriveLate(scene, false),
  },
]

async function arriveLate(scene: Scene, isReadAgain: boolean): Promise<void> {
  await scene.writeTo(0, 1, 60)
  /** By token: what is still on its way when its sender dies. */
  const onTheirWay = new Map<string, (store: Store) => Promise<void>>()
  const dying = scene.start({
    wrapStore: changedStore((own) => ({
      insert: async (name, rows, token) => {
        if (name !== 'tags' || rows.length === 0) return own.insert(name, rows, token)
        onTheirWay.set(token, (store) => store.insert(name, rows, token))
        throw new StoppedHere('tags')
      },
    })),
  })
  assert.ok((await dying.ended) instanceof StoppedHere)
  await dying.stop()
  assert.ok(onTheirWay.size > 0)
  scene.setRule('edited')
  let sent: readonly object[] | null = null
  await scene.drain({
    wrapStore: changedStore((store) => ({
      rowsOf: async <Name extends TableName>(name: Name, range: BlockRange) => {
        const rows = await store.rowsOf(name, range)
        // Checked: these are the rows that this table was sent.
        return name === 'tags' && sent !== null && !isReadAgain ? (sent as Row<Name>[]) : rows
      },
      insert: async (name, rows, token) => {
        await onTheirWay.get(token)?.(store)
        onTheirWay.delete(token)
        if (name === 'tags') sent = rows
        else if (name === 'ingest_progress') sent = null
        await store.insert(name, rows, token)
      },
    })),
  })
  assert.equal(onTheirWay.size, 0)
  await scene.holds()
}
