import { createRoute, z } from '@hono/zod-openapi'
import { json, type Resource, timestamp } from './resource.ts'

const count = z.int().nonnegative()

const partitionHealth = z
  .object({
    topic: z.string(),
    partition: count,
    blocks: count,
    records: count,
    events: count.openapi({ description: 'Records that became rows.' }),
    dead_letters: count,
    deletions: count,
    missing: count.openapi({ description: 'Offsets that hold no record.' }),
    tags: count,
    dropped: z
      .record(z.string(), count)
      .openapi({ description: 'Tags not written, by reason; disabled: evaluations spared.' }),
    log: z.string().openapi({ description: 'The incarnation of the partition read last.' }),
    last_offset: count,
    revision: z.string().openapi({ description: 'The rule set of the last block.' }),
    last_block_time: timestamp,
    adds_up: z.boolean().openapi({
      description:
        'Every offset is in exactly one block, and every record became an event, a dead letter or ' +
        'a deletion.',
    }),
  })
  .openapi('PartitionHealth')

const example: z.input<typeof partitionHealth> = {
  topic: 'ttp.commands',
  partition: 0,
  blocks: 812,
  records: 1_204_331,
  events: 1_204_290,
  dead_letters: 41,
  deletions: 0,
  missing: 0,
  tags: 88_214,
  dropped: { no_anchor: 12, below_floor: 3 },
  log: '5f0c8a52',
  last_offset: 1_204_330,
  revision: '60303ae2',
  last_block_time: '2026-11-20T10:41:08.002Z',
  adds_up: true,
}

const route = createRoute({
  method: 'get',
  path: '/api/v1/ingest',
  tags: ['operations'],
  summary: 'What became of every record',
  description: 'One row per partition that was read, over all of its blocks.',
  responses: {
    200: json(
      z.object({ data: z.array(partitionHealth), adds_up: z.boolean() }).openapi('IngestHealth'),
      'Partitions by topic and number.',
      { data: [example], adds_up: true },
    ),
  },
})

export const ingest: Resource = (app, { views }) => {
  app.openapi(route, async (c) => {
    const rows = z.array(partitionHealth).parse(await views.select('ingest_health'))
    const data = rows.toSorted((a, b) =>
      a.topic < b.topic ? -1 : a.topic > b.topic ? 1 : a.partition - b.partition,
    )
    return c.json({ data, adds_up: data.every((row) => row.adds_up) }, 200)
  })
}
