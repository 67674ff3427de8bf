import fc from 'fast-check'
import { expect, test } from 'vitest'
import { AskingOrder } from './asking-order.ts'

function orderAfter(costs: readonly number[], decisions: readonly string[]): string {
  const order = new AskingOrder(['a', 'b', 'c'], costs)
  for (const part of decisions) order.decided(order.parts.indexOf(part))
  return order.parts.join('')
}

test('who decides is asked earlier the next time', () => {
  expect(orderAfter([1, 1, 1], [])).toBe('abc')
  expect(orderAfter([1, 1, 1], ['c'])).toBe('acb')
  expect(orderAfter([1, 1, 1], ['c', 'c'])).toBe('cab')
})

test('a part that costs ten times as much must decide more than ten times as often', () => {
  const often = (times: number) => ['b', ...new Array<string>(times).fill('c')]
  expect(orderAfter([1, 1, 10], often(10))).toBe('bca')
  expect(orderAfter([1, 1, 10], often(11))).toBe('cba')
})

test('no part is lost or asked twice, whoever decided', () => {
  const places = fc.array(fc.nat({ max: 4 }), { maxLength: 200 })
  fc.assert(
    fc.property(places, (decisions) => {
      const order = new AskingOrder([0, 1, 2, 3, 4], [1, 2, 5, 12, 40])
      for (const place of decisions) order.decided(place)
      expect(order.parts.toSorted()).toEqual([0, 1, 2, 3, 4])
    }),
  )
})
