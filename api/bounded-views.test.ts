import { setImmediate as turn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import type { Views } from '../core/clickhouse.ts'
import { TransientError } from '../core/error.ts'
import { boundViews } from './bounded-views.ts'

/** Every select waits until it is released, in order. */
function gatedViews(): Views & { release(error?: Error): void; readonly started: string[] } {
  const gates: ((error?: Error) => void)[] = []
  const started: string[] = []
  return {
    started,
    release: (error) => gates.shift()?.(error),
    select: (view) => {
      started.push(view)
      return new Promise((resolve, reject) => {
        gates.push((error) => (error === undefined ? resolve([]) : reject(error)))
      })
    },
  }
}

test('queries beyond the limit wait, in the order they came', async () => {
  const inner = gatedViews()
  const views = boundViews(inner, { runningMax: 2, waitingMax: 2 })
  const all = ['a', 'b', 'c', 'd'].map((view) => views.select(view))
  await turn()
  expect(inner.started).toEqual(['a', 'b'])
  inner.release()
  await turn()
  expect(inner.started).toEqual(['a', 'b', 'c'])
  inner.release()
  await turn()
  expect(inner.started).toEqual(['a', 'b', 'c', 'd'])
  inner.release()
  inner.release()
  await Promise.all(all)
})

test('a query that finds the queue full is told to come back', async () => {
  const inner = gatedViews()
  const views = boundViews(inner, { runningMax: 1, waitingMax: 1 })
  const first = views.select('a')
  const second = views.select('b')
  await expect(views.select('c')).rejects.toBeInstanceOf(TransientError)
  inner.release()
  await turn()
  inner.release()
  await Promise.all([first, second])
})

test('a query that fails gives its place back', async () => {
  const inner = gatedViews()
  const views = boundViews(inner, { runningMax: 1, waitingMax: 1 })
  const first = views.select('a')
  const second = views.select('b')
  await turn()
  inner.release(new Error('broken'))
  await expect(first).rejects.toThrow('broken')
  await turn()
  inner.release()
  expect(await second).toEqual([])
  const third = views.select('c')
  await turn()
  inner.release()
  expect(await third).toEqual([])
})
