import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { nodeOptions } from '../cli/node-options.ts'

const read = (path: string) => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8')

test('whatever starts the product starts Node with the same options', () => {
  const options = nodeOptions.join(' ')
  expect(read('cli/main.ts').split('\n')[0]).toBe(`#!/usr/bin/env -S node ${options}`)
  const { scripts } = JSON.parse(read('package.json'))
  for (const name of ['cli', 'dev']) expect(scripts[name]).toMatch(`node ${options} `)
  const words = ['node', ...nodeOptions, 'dist/cli/main.js'].map((word) => `"${word}"`)
  expect(read('Dockerfile')).toContain(`ENTRYPOINT [${words.join(', ')}]`)
})
