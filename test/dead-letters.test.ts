import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  command,
  type OperationsStack,
  startOperationsStack,
  wordRule,
} from './operations-stack.ts'

/** Dead letters as an operator meets them: listed, looked at, sent again after a fix. */

let stack: OperationsStack

beforeAll(async () => {
  stack = await startOperationsStack()
  stack.writeRule('whoami.yaml', wordRule('op.whoami', 'T1033', 'whoami'))
  await stack.startEngine()
}, 60_000)

afterAll(() => stack.close(), 30_000)

const broken = ['{"kind":"command","host":"h1","command_text":', '[1]', 'nonsense']

test('dead letters are listed by code and topic, and one is shown with its record', async () => {
  const first = await stack.send('ttp.commands', [command('id'), ...broken, command('whoami')])
  await stack.send('ttp.tests', ['{}'])
  await stack.finished()
  const all = await stack.cli('dead-letters', 'list', '--json')
  expect(all.code).toBe(0)
  const letters = all.out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  expect(letters.map(({ topic, offset, code }) => `${topic}:${offset} ${code}`).sort()).toEqual([
    `ttp.commands:${first + 1} malformed-json`,
    `ttp.commands:${first + 2} not-an-object`,
    `ttp.commands:${first + 3} malformed-json`,
    'ttp.tests:0 invalid-test',
  ])
  const some = await stack.cli(
    'dead-letters',
    'list',
    '--code',
    'malformed-json',
    '--topic',
    'ttp.commands',
  )
  expect(some.out.trim().split('\n')).toHaveLength(2)
  expect(some.err).toContain('2 dead letters: 2 malformed-json')
  expect((await stack.cli('dead-letters', 'list', '--since', '2026-13-01')).code).toBe(3)

  const shown = await stack.cli('dead-letters', 'show', `ttp.commands:0:${first + 3}`)
  expect(shown.code).toBe(0)
  expect(shown.out).toContain('code         malformed-json')
  expect(shown.out).toContain('nonsense')
  expect((await stack.cli('dead-letters', 'show', 'ttp.commands:0:9999')).code).toBe(1)
  expect((await stack.cli('dead-letters', 'show', 'nowhere')).code).toBe(3)
})

test('after a fix each dead record is sent again once, as it stood, and becomes a row', async () => {
  await stack.stopEngine()
  stack.set('TTPSTREAM_RECORD_BYTES_MAX', '1000')
  await stack.startEngine()
  const large = command(`whoami ${'x'.repeat(2_000)}`, { event_id: 'large-1' })
  const offset = await stack.send('ttp.commands', [large])
  await stack.finished()
  const position = `ttp.commands:0:${offset}`
  expect(await eventsOf('large-1')).toEqual([])

  await stack.stopEngine()
  stack.set('TTPSTREAM_RECORD_BYTES_MAX', '1048576')
  await stack.startEngine()
  const replay = async (...words: string[]) => {
    const { out } = await stack.cli('dead-letters', 'replay', ...words, '--json')
    return JSON.parse(out)
  }
  const one = { wanted: 1, sent: 1, repeated: 0, expired: 0, changed: 0, skipped: 0 }
  expect(await replay(position, '--dry-run')).toMatchObject({ ...one, dry_run: true })
  expect(await replay(position)).toMatchObject({ ...one, dry_run: false })
  await stack.finished()
  expect(await eventsOf('large-1')).toEqual([{ partition: 0, offset: offset + 1, tags: 1 }])
  expect(await replay(position)).toMatchObject({ wanted: 1, sent: 0, repeated: 1 })
  expect(await eventsOf('large-1')).toHaveLength(1)
  expect(await replay('--code', 'too-large')).toMatchObject({ letters: 1, sent: 0, repeated: 1 })
})

test('a record that retention took is named, and the answer is no', async () => {
  const offset = await stack.send('ttp.alerts', ['not json', '{"alert_id":"a1"}'])
  await stack.finished()
  const admin = stack.kafka.admin()
  await admin.connect()
  // kafkajs deletes only from topics that it has been asked about.
  await admin.fetchTopicOffsets('ttp.alerts')
  await admin.deleteTopicRecords({
    topic: 'ttp.alerts',
    partitions: [{ partition: 0, offset: String(offset + 1) }],
  })
  await admin.disconnect()
  const gone = await stack.cli('dead-letters', 'replay', `ttp.alerts:0:${offset}`)
  expect(gone.code).toBe(1)
  expect(gone.out).toContain('1 have expired in Kafka')
  expect(gone.err).toContain('cannot be sent again')
})

interface Event {
  readonly partition: number
  readonly offset: number
  readonly tags: number
}

async function eventsOf(id: string): Promise<Event[]> {
  return stack.rows(
    `SELECT partition, offset, (SELECT count() FROM tags WHERE source_id = '${id}') AS tags
     FROM commands WHERE event_id = '${id}'`,
  )
}
