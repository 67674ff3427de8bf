/** What happens to a consumer group and its topics from outside, and what it has committed. */

import type { RecordSource } from '../../core/kafka.ts'
import { untilLed } from '../crash/load.ts'
import type { Scene } from './scene.ts'
import { until } from './until.ts'
import { changedSource } from './wrap.ts'

export async function deleteGroup(scene: Scene): Promise<void> {
  await scene.withAdmin(async (admin) => {
    // A member that left a moment ago may still be counted.
    await until('the group to be deleted', async () => {
      try {
        await admin.deleteGroups([scene.id])
        return true
      } catch {
        return false
      }
    })
  })
}

/** The topic of commands, deleted and made anew. */
export async function recreate(scene: Scene): Promise<void> {
  const topic = scene.topics.commands
  await scene.withAdmin(async (admin) => {
    await admin.deleteTopics({ topics: [topic] })
    await until('the topic to be gone and back', async () => {
      try {
        return await admin.createTopics({ topics: [{ topic, numPartitions: 2 }] })
      } catch {
        return false
      }
    })
    await untilLed(admin, [topic])
  })
}

export type Commits = ReadonlyMap<string, { offset: number; metadata: string }>

export async function commitsOf(scene: Scene): Promise<Commits> {
  const topic = scene.topics.commands
  const [held] = await scene.withAdmin((admin) =>
    admin.fetchOffsets({ groupId: scene.id, topics: [topic] }),
  )
  return new Map(
    held?.partitions
      .filter(({ offset }) => Number(offset) >= 0)
      .map(({ partition, offset, metadata }) => [
        `${topic}:${partition}`,
        { offset: Number(offset), metadata: metadata ?? '' },
      ]),
  )
}

export function remembering(commits: Commits): (source: RecordSource) => RecordSource {
  return changedSource((source) => ({
    committed: async (at) =>
      commits.get(`${at.topic}:${at.partition}`) ?? (await source.committed(at)),
  }))
}
