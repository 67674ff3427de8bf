import { test } from 'vitest'
import { assertSound, soundnessSeed } from './soundness.ts'

test('the indexed matcher gives what evaluating each rule gives', () => {
  assertSound(20_000, soundnessSeed())
})
